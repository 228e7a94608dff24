"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import save_file

from jasco.io.atomic import replacing, replacing_folder, write_text


def test_a_file_is_replaced_at_the_end(tmp_path):
    path = tmp_path / "song.txt"
    write_text(path, "one\n")
    with replacing(path) as part:
        part.write_text("two\n")
        assert path.read_text() == "one\n" and part.parent == tmp_path
    assert path.read_text() == "two\n" and list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "song.txt"
    write_text(path, "one\n")
    with pytest.raises(ValueError, match="half"), replacing(path) as part:
        part.write_text("tw")
        raise ValueError("half")
    assert path.read_text() == "one\n" and list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "song.txt", "one\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path / "folder", "one\n")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_name_of_any_length_the_system_allows(tmp_path):
    path = tmp_path / ("a" * 255)
    write_text(path, "a\u2028b\r\n")
    assert path.read_bytes() == "a\u2028b\r\n".encode()


def test_a_folder_is_replaced_at_the_end(tmp_path):
    folder = tmp_path / "model"
    for name in ("one", "two"):
        with replacing_folder(folder) as new:
            (new / name).write_text(name)
            assert [p.name for p in folder.glob("*")] == ([] if name == "one" else ["one"])
        assert [p.name for p in folder.iterdir()] == [name]
        assert list(tmp_path.iterdir()) == [folder]


def test_what_fails_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "one").write_text("one")
    with pytest.raises(ValueError, match="half"), replacing_folder(folder) as new:
        (new / "two").write_text("tw")
        raise ValueError("half")
    rename = os.replace

    def refuse(source, target):
        if source.name.endswith(".part"):
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no"), replacing_folder(folder) as new:
        (new / "two").write_text("two")
    assert list(tmp_path.iterdir()) == [folder]
    assert [p.name for p in folder.iterdir()] == ["one"]


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_decides_who_reads(tmp_path, umask, mode):
    tensors = {"a": torch.zeros(2)}
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "a.safetensors") as part:
            save_file(tensors, part)
        with replacing_folder(tmp_path / "model") as new:
            save_file(tensors, new / "b.safetensors")
            (new / "codec").mkdir()
            save_file(tensors, new / "codec" / "c.safetensors")
        write_text(tmp_path / "d.txt", "d")
    finally:
        os.umask(before)
    modes = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.rglob("*") if p.is_file()}
    names = ["a.safetensors", "b.safetensors", "c.safetensors", "d.txt"]
    assert modes == dict.fromkeys(names, mode)


def test_two_that_write_one_folder_do_not_mix(tmp_path):
    folder = tmp_path / "model"
    with replacing_folder(folder) as new:
        (new / "one").write_text("one")
        with pytest.raises(OSError, match="another process is writing"), replacing_folder(folder):
            pass
    assert [p.name for p in folder.iterdir()] == ["one"]
    with replacing_folder(folder) as new:
        (new / "two").write_text("two")
    assert [p.name for p in folder.iterdir()] == ["two"]
    assert list(tmp_path.iterdir()) == [folder]


def test_what_was_killed_between_two_renames_is_put_back(tmp_path):
    (tmp_path / ".model.old").mkdir()
    (tmp_path / ".model.old" / "one").write_text("one")
    with pytest.raises(ValueError, match="half"), replacing_folder(tmp_path / "model"):
        raise ValueError("half")
    assert (tmp_path / "model" / "one").read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    for rest in (".model.part", ".model.old"):
        (tmp_path / rest).mkdir()
        (tmp_path / rest / "half").write_text("ha")
    with replacing_folder(tmp_path / "model") as new:
        assert not list(new.iterdir())
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
