"""Workspace of the studio: the temporary folder of its files."""

from __future__ import annotations

import tempfile

from jasco.studio.workspace import Workspace


def test_the_folder_of_a_killed_studio_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "jasco-studio-killed").mkdir()
    (tmp_path / "jasco-studio-killed" / "take.wav").write_bytes(b"RIFF")
    other = Workspace()
    workspace = Workspace()
    assert workspace.place("a.wav").path.parent == workspace.folder
    folders = [one.folder.parent for one in (workspace, other)]
    assert sorted(tmp_path.iterdir()) == sorted(folders)
    workspace.close()
    assert list(tmp_path.iterdir()) == folders[1:]
    other.close()
