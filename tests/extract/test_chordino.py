"""Installing the plugin with the real pip, from a folder that stands for the package index."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jasco.errors import MissingPartError, SettingError
from jasco.extract import chordino
from jasco.extract.chordino import (
    LIBRARY,
    PLUGIN,
    SAMPLE_RATE,
    cadence,
    check_chordino,
    find_chordino,
    install_chordino,
    plugin_folder,
    run_chordino,
    search_path,
)

# Nothing of the user's configuration and no index but the folder that a test makes.
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}


@pytest.fixture(scope="module")
def library() -> bytes:
    """The plugin that this machine has; found here once, before a test hides it."""
    try:
        return find_chordino().read_bytes()
    except MissingPartError as error:
        pytest.skip(str(error))


@pytest.fixture
def index(tmp_path: Path, library: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the plugin, whose pip knows an empty folder alone."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in NO_INDEX.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("VAMP_PATH", str(tmp_path / "empty"))
    # A distribution may have built its own; what is tested here is any that works.
    monkeypatch.setattr(chordino, "SHA256", hashlib.sha256(library).hexdigest())
    return folder


def publish(folder: Path, library: bytes | None) -> None:
    """Put a wheel with this library into the index."""
    about = "chord_extractor-0.1.3.dist-info"
    files: dict[str, str | bytes] = {
        "chord_extractor/__init__.py": "raise RuntimeError('nobody imports this')",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: chord-extractor\nVersion: 0.1.3\n"
        "Requires-Python: >=3.8,<3.12\nRequires-Dist: vamp\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    if library is not None:
        files[f"chord_extractor/_lib/{LIBRARY}"] = library
    with zipfile.ZipFile(folder / "chord_extractor-0.1.3-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)


def test_installed_and_tried(index: Path, library: bytes) -> None:
    publish(index, library)
    with pytest.raises(MissingPartError, match="jasco-doctor --install-chordino"):
        check_chordino()
    path = install_chordino(yes=True)
    assert path == plugin_folder() / LIBRARY and path.read_bytes() == library
    assert check_chordino() == path
    assert {p.name for p in path.parent.iterdir()} == {LIBRARY, "nnls-chroma.txt"}
    note = path.with_suffix(".txt").read_text()
    assert hashlib.sha256(library).hexdigest() in note and "GPL" in note
    assert [p.name for p in plugin_folder().parent.iterdir()] == ["vamp"]


def test_one_that_works_is_kept(index: Path, library: bytes, tmp_path: Path) -> None:
    mine = tmp_path / "empty" / LIBRARY
    mine.parent.mkdir()
    mine.write_bytes(library)
    # No yes, no terminal and an empty index: none of them is needed.
    assert install_chordino() == mine
    assert not plugin_folder().exists()


def test_one_that_does_not_load_is_replaced(index: Path, library: bytes) -> None:
    broken = plugin_folder() / LIBRARY
    broken.parent.mkdir(parents=True)
    broken.write_bytes(library[:5000])
    # Loading half a library ends the process that tries.
    with pytest.raises(MissingPartError, match="crashed|was not loaded"):
        check_chordino()
    publish(index, library)
    assert install_chordino(yes=True) == broken
    assert check_chordino() == broken


@pytest.mark.parametrize("kind", ["nothing", "no wheel", "no library", "altered", "does not load"])
def test_nothing_is_left_of_what_does_not_work(
    kind: str, index: Path, library: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = {
        "nothing": "pip could not fetch",
        "no wheel": "pip could not fetch|holds no",
        "no library": "holds no",
        "altered": "is not the one known",
        "does not load": "was not loaded",
    }[kind]
    if kind == "no wheel":
        (index / "chord_extractor-0.1.3-py3-none-any.whl").write_bytes(b"PK not really")
    elif kind == "no library":
        publish(index, None)
    elif kind == "altered":
        publish(index, library[:-1] + bytes([library[-1] ^ 1]))
    elif kind == "does not load":
        publish(index, b"no library")
        monkeypatch.setattr(chordino, "SHA256", hashlib.sha256(b"no library").hexdigest())
    with pytest.raises(MissingPartError, match=says) as error:
        install_chordino(yes=True)
    assert "\n" not in str(error.value)
    assert not [path for path in plugin_folder().parent.rglob("*") if path.is_file()]


def test_without_a_yes_nothing_is_fetched(index: Path, library: bytes) -> None:
    publish(index, library)
    with pytest.raises(SettingError, match="jasco-doctor --install-chordino --yes"):
        install_chordino()
    assert not plugin_folder().exists()


def test_a_machine_without_a_build_gets_instructions(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chordino.platform, "machine", lambda: "aarch64")
    with pytest.raises(MissingPartError, match="aarch64.*vamp-plugins.org"):
        install_chordino(yes=True)


def test_the_search_leaves_the_environment_alone(library: bytes) -> None:
    before = os.environ.get("VAMP_PATH")
    path = find_chordino()
    assert os.environ.get("VAMP_PATH") == before
    assert str(path.parent) in search_path()
    import vampyhost

    assert PLUGIN in vampyhost.list_plugins()


def test_the_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert plugin_folder() == tmp_path / "jasco" / "vamp"
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plugin_folder() == tmp_path / ".local" / "share" / "jasco" / "vamp"


def test_the_check_refuses_a_plugin_with_other_output(library: bytes) -> None:
    names, samples = cadence()
    assert [label for label, _ in run_chordino(samples) if label != "N"] == names
    # A semitone higher, as from a plugin that assumes another sample rate.
    length = len(samples)
    higher = np.interp(np.arange(0, length, 2 ** (1 / 12)), np.arange(length), samples)
    found = [label for label, _ in run_chordino(higher.astype(np.float32)) if label != "N"]
    assert found == ["C#", "F#", "Ab", "Bbm"]
    assert len(samples) == 8 * SAMPLE_RATE
