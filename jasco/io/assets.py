"""Where the data files of the package are: beside the code in a wheel, above it in a checkout."""

from __future__ import annotations

from pathlib import Path

from jasco.errors import MissingPartError

_PACKAGE = Path(__file__).resolve().parents[1]


def package_dir(name: str) -> Path:
    """The folder ``name`` (``"assets"`` or ``"conf"``) that belongs to this installation.

    A wheel carries it inside the package, a checkout (also an editable install) beside the
    package; the working directory plays no part.

    Raises:
        MissingPartError: the installation has no such folder.
    """
    for parent in (_PACKAGE, _PACKAGE.parent):
        # A folder with an __init__.py is code of the same name, not the data.
        if (parent / name).is_dir() and not (parent / name / "__init__.py").exists():
            return parent / name
    raise MissingPartError(
        f"no folder {name!r} in {_PACKAGE} or beside it: the installation is incomplete; "
        "mend it with: pip install --force-reinstall jasco"
    )


def asset(name: str) -> Path:
    """Path of the file or folder ``name`` under ``assets/``.

    Raises:
        MissingPartError: the installation lacks it.
    """
    path = package_dir("assets") / name
    if not path.exists():
        raise MissingPartError(
            f"no {name!r} in {path.parent}: the installation is incomplete; "
            "mend it with: pip install --force-reinstall jasco"
        )
    return path


def sample(name: str) -> Path:
    """Path of a sample that ships with Jasco.

    Args:
        name: of a file in ``assets/samples``, such as ``"beat.ogg"``.

    Raises:
        MissingPartError: there is none of this name; the message lists those there are.
    """
    folder = asset("samples")
    known = sorted(path.name for path in folder.iterdir() if path.is_file())
    if name not in known:
        raise MissingPartError(f"there is no sample {name!r}: give one of {', '.join(known)}")
    return folder / name
