"""Data files of the package, inside it in a wheel and beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from jasco.errors import MissingPartError

_PACKAGE = Path(__file__).resolve().parents[1]


def package_dir(name: str) -> Path:
    """Folder ``name`` (``"assets"`` or ``"conf"``) of this installation.

    A wheel has it inside the package, a checkout (also an editable install) beside the package; the
    working directory is irrelevant.

    Raises:
        MissingPartError: the installation has no such folder.
    """
    for parent in (_PACKAGE, _PACKAGE.parent):
        # A folder with an __init__.py is a package of the same name.
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
        name: name of a file in ``assets/samples``, such as ``"beat.ogg"``.

    Raises:
        MissingPartError: no such sample; the message lists them.
    """
    folder = asset("samples")
    known = sorted(path.name for path in folder.iterdir() if path.is_file())
    if name not in known:
        raise MissingPartError(f"there is no sample {name!r}: give one of {', '.join(known)}")
    return folder / name
