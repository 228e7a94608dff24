"""``jasco-synthesize`` from the command line."""

from __future__ import annotations

import sys

import pytest

from jasco.cli.synthesize import PROGRAM, main
from jasco.data.prepared import PreparedDataset


@pytest.fixture
def synthesize(tmp_path, monkeypatch, capsys):
    """The command line with some words, in a folder of its own: exit code, output and errors."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [PROGRAM, "seconds=3", *words])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_exact_and_extracted_labels_of_one_band(
    synthesize, soundfont, chordino, codec_folder, small_separator, salience_file, tmp_path
):
    """The command of the README, at small sizes, in a folder of its own."""
    words = ("songs=2", "seed=4", "out=band", f"codec.name={codec_folder}", "executor.workers=1")
    code, said, errors = synthesize(*words)
    assert code == 0, errors
    assert "2 songs, 2 played" in said and "data.root=" in said
    code, said, errors = synthesize(
        *words,
        "labels=extracted",
        f"stage.drums.separator={small_separator}",
        f"stage.melody.weights={salience_file}",
        "stage.melody.dtype=float32",
    )
    assert code == 0, errors
    assert "2 songs, 0 played" in said
    exact, extracted = (PreparedDataset(tmp_path / "band" / n) for n in ("exact", "extracted"))
    assert exact.controls == extracted.controls == ("chords", "drums", "melody")
    assert exact.facts == extracted.facts
    assert [t.text for t in exact.tracks] == [t.text for t in extracted.tracks]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["band"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out=band", "labels=guessed"], "labels='guessed': give exact or extracted"),
        (["out=band", "labels=extracted"], "extracted labels need a codec: give codec.name="),
    ],
)
def test_wrong_words_end_in_one_line(synthesize, words, message, tmp_path):
    code, _, errors = synthesize(*words)
    assert code == 1
    assert len(errors.splitlines()) == 1 and message in errors
    assert not list(tmp_path.iterdir())
