"""Paths that users give: what can be read, what can be written, and what is said of the rest."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from jasco import Melody, load_audio
from jasco.errors import AudioError, ChordError, JascoError
from jasco.io.assets import asset
from jasco.io.files import MAX_NEW_FOLDERS, output_file, regular_file

HALF = "a\ud800.wav"  # no file system has such a name


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a file, a link to it, and everything that is not a regular file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("file", "folder", "pipe", "loop", "nothing"):
        (tmp_path / f"to-{name}").symlink_to("to-loop" if name == "loop" else name)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    return tmp_path


def check_one_line(error: JascoError) -> None:
    assert "\n" not in str(error) and "\0" not in str(error)
    str(error).encode()  # can be printed


@pytest.mark.parametrize("kind", [str, Path])
def test_a_sample_is_found_from_any_folder(things: Path, kind: type) -> None:
    assert regular_file(kind("sample:beat.ogg"), AudioError).samefile(asset("samples/beat.ogg"))
    assert load_audio(kind("sample:beat.ogg")).duration == pytest.approx(10.0)
    assert len(Melody.load(kind("sample:tune.mid")).roll)
    for name in ("sample:", "sample:boat.ogg", "sample:../song.png", "sample:../../pyproject.toml"):
        with pytest.raises(AudioError, match=r"no sample .*beat\.ogg, song\.json, song\.mp3, tune"):
            regular_file(kind(name), AudioError)


@pytest.mark.parametrize("name", ["file", "to-file", Path("file"), "folder/../file"])
def test_a_regular_file_is_read(things: Path, name: str | Path) -> None:
    path = regular_file(name, AudioError)
    assert path == Path(name) and path.read_bytes() == b"x"


UNREADABLE: dict[object, str] = {
    "missing": "cannot read missing: No such file",
    "to-nothing": "No such file",
    "to-loop": "symbolic links",
    "file/below": "Not a directory",
    "folder": "Is a directory; give the path of a file",
    "to-folder": "Is a directory",
    ".": "Is a directory",
    "pipe": "it is a named pipe",
    "to-pipe": "it is a named pipe",
    "socket": "it is a socket",
    "/dev/zero": "it is a device",
    "/dev/stdin": "cannot read /dev/stdin",
    "": "of no name",
    "a\0.wav": "NUL character at position 1",
    HALF: r"U\+D800, half of a character, at position 1",
    "a" * 256: "File name too long",
    "a/" * 3000 + "b": "File name too long",
    b"file": "cannot read a bytes",
    0: "cannot read a int",
    None: "cannot read a NoneType",
}


@pytest.mark.parametrize("name", UNREADABLE, ids=lambda name: ascii(name)[:20])
def test_what_cannot_be_read_is_said_at_once(things: Path, name: object) -> None:
    with pytest.raises(AudioError, match=UNREADABLE[name]) as caught:
        regular_file(name, AudioError)  # type: ignore[arg-type]
    check_one_line(caught.value)


def test_the_error_is_of_the_class_of_the_caller(things: Path) -> None:
    for error in (ChordError, AudioError):
        with pytest.raises(error):
            regular_file("missing", error)
        with pytest.raises(error):
            output_file("pipe", error)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_in_another_encoding_is_a_name(things: Path) -> None:
    name = os.fsdecode("café.wav".encode("latin-1"))
    assert output_file(name, AudioError) == Path(name)
    (things / name).touch()
    assert regular_file(name, AudioError) == Path(name)


@pytest.mark.parametrize(
    "name", ["new", "file", "to-file", "to-nothing", "folder/new", "new/new", "é" * 127, "a" * 255]
)
def test_a_file_can_be_written(things: Path, name: str) -> None:
    before = sorted(things.rglob("*"))
    assert output_file(name, AudioError) == Path(name)
    assert sorted(things.rglob("*")) == before


UNWRITABLE: dict[object, str] = {
    "folder": "folder is in the way",
    "to-folder": "in the way",
    "..": "in the way",
    "pipe": r"cannot write pipe: pipe is in the way \(it is a named pipe \(FIFO\)",
    "to-pipe": "named pipe",
    "socket": "a socket",
    "/dev/null": "a device",
    "to-loop": "symbolic links",
    "file/new": "file is in the way",
    "file/new/new": "file is in the way",
    "to-nothing/new": "a broken link",
    "pipe/new": "named pipe",
    "": "of no name",
    "a\0": "NUL character",
    HALF: "half of a character",
    "a" * 256: "its name has 256 bytes and the file system allows 255; shorten the name by 1",
    "é" * 128: "has 256 bytes",
    "a" * 256 + "/b": "the folder name a",
    "new/" * (MAX_NEW_FOLDERS + 1) + "b": f"at most {MAX_NEW_FOLDERS}",
    "new/" * 2000 + "b": "the path with its name has 8001 bytes and the system allows 4095",
    "n/" * 2000 + "b": "2000 folders would have to be made",
    b"new": "cannot write a bytes",
    None: "cannot write a NoneType",
}


@pytest.mark.parametrize("name", UNWRITABLE, ids=lambda name: ascii(name)[:20])
def test_what_cannot_be_written_is_said_before(things: Path, name: object) -> None:
    before = sorted(things.rglob("*"))
    with pytest.raises(AudioError, match=UNWRITABLE[name]) as caught:
        output_file(name, AudioError)  # type: ignore[arg-type]
    check_one_line(caught.value)
    assert sorted(things.rglob("*")) == before


def test_a_file_is_refused_whose_companions_have_too_long_names(things: Path) -> None:
    path = Path("a" * 251 + ".wav")
    output_file(path, AudioError)
    with pytest.raises(AudioError, match=r"the name of a{16}\.\.\.a*\.json beside it has 256"):
        output_file(path, AudioError, companions=[path.with_suffix(".json")])


def test_a_path_is_refused_whose_temporary_file_is_too_long(things: Path) -> None:
    folder = things
    while (room := 4085 - len(os.fsencode(folder))) > 0:
        part = "d" * min(room - 1, 200) if room > 1 else "d"
        folder /= part
        os.mkdir(part)  # by its name, one in the other
        os.chdir(part)
    os.chdir(things)
    assert len(os.fsencode(folder / "a.wav")) in (4091, 4092) and folder.is_dir()
    with pytest.raises(
        AudioError, match=r"\.part beside it has 411[45] bytes and the system allows"
    ):
        output_file(folder / "a.wav", AudioError)


def test_a_folder_that_cannot_be_written_to_is_said(things: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != things / "folder")
    with pytest.raises(AudioError, match=r"the folder .*folder cannot be written to"):
        output_file(things / "folder" / "new", AudioError)
