"""``scripts/measure_everyday.py``: its prompts, takes that are kept, and genres that fit."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial

import pytest
import runs
import torch
from programs import load_script

from jasco import load_audio, save_audio
from jasco.band.genres import GENRES
from jasco.errors import DataError
from jasco.io.assets import asset


@pytest.fixture(scope="module")
def script():
    load_script("probe")
    return load_script("measure_everyday")


def test_prompts_hint_at_every_genre_and_name_none(script):
    prompts = script.read_prompts(asset("judge/everyday.jsonl"))
    assert len({prompt.text for prompt in prompts}) == 60
    counts = Counter(genre for prompt in prompts for genre in prompt.genres)
    assert counts.keys() == GENRES.keys() and min(counts.values()) >= 2
    assert all(1 <= len(set(prompt.genres)) == len(prompt.genres) <= 3 for prompt in prompts)
    words = {word.lower() for name, genre in GENRES.items() for word in (name, *genre.words)}
    for prompt in prompts:
        assert 3 <= len(prompt.text.split()) <= 12
        named = [w for w in words if re.search(rf"\b{re.escape(w)}\b", prompt.text.lower())]
        assert not named, prompt.text


@pytest.mark.parametrize(
    "row",
    [
        {"text": "a song"},
        {"text": "", "genres": ["pop"]},
        {"text": "polka night", "genres": ["polka"]},
    ],
)
def test_prompts_without_a_genre_of_the_band_are_refused(script, tmp_path, row):
    (tmp_path / "prompts.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match="line 1: give a text and genres"):
        script.read_prompts(tmp_path / "prompts.jsonl")


def test_genres_are_compared_with_the_prompts_of_all(script):
    first, second, third = list(GENRES)[:3]
    prompts = [script.Prompt("a", (first, second)), script.Prompt("b", (third,))]
    right = script.fits(torch.tensor([[0, 1, 2], [2, 2, 0]]), prompts)
    assert right[0, :, 0].tolist() == [True, True, False]
    assert right[1, :, 1].tolist() == [True, True, False]
    assert right[0, :, 1].tolist() == [False, False, True]


def test_existing_takes_are_kept_and_missing_ones_made_alike(script, tmp_path):
    model = runs.new_model().eval()
    prompts = [script.Prompt("a quiet café", ("jazz",)), script.Prompt("an old song", ("folk",))]
    files = script.generate(model, prompts, tmp_path, takes=2, duration=1.0, batch=3)
    assert [len(paths) for paths in files] == [2, 2]
    sounds = [[load_audio(path).samples for path in paths] for paths in files]
    assert not torch.equal(*sounds[0])
    kept, lost = files[0][0], files[1][1]
    kept.write_bytes(b"kept")
    lost.unlink()
    assert script.generate(model, prompts, tmp_path, takes=2, duration=1.0) == files
    assert kept.read_bytes() == b"kept"
    assert torch.allclose(load_audio(lost).samples, sounds[1][1], atol=1e-3)


def test_what_is_heard_is_told(script, monkeypatch, tmp_path, capsys):
    rows = [{"text": "a quiet café", "genres": ["jazz"]}, {"text": "fair", "genres": ["waltz"]}]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    clip = save_audio(tmp_path / "clip.wav", torch.randn(1, 32000), 32000)
    song = {"path": clip.name, "families": {}, "tempo_class": "fast", "genre": "pop"}
    (tmp_path / "songs.jsonl").write_text(json.dumps(song))
    monkeypatch.setattr(script.Jasco, "from_pretrained", lambda _: runs.new_model().eval())
    monkeypatch.setattr(script, "DURATION", 1.0)
    monkeypatch.setattr(script, "generate", partial(script.generate, duration=1.0))
    monkeypatch.setattr(script, "learn", lambda *_: load_script("probe").Probe().eval())
    files = {name: tmp_path / f"{name}.jsonl" for name in ("prompts", "songs")}
    script.main(
        ["demo", str(files["songs"]), str(tmp_path / "takes"), "--guidance", "text=2"]
        + ["--prompts", str(files["prompts"]), "--unseen", str(files["songs"])]
        + ["--json", str(tmp_path / "figures.json"), "--takes", "2"]
    )
    told, figures = capsys.readouterr().out, json.loads((tmp_path / "figures.json").read_text())
    assert figures["chance"] == 1 / len(GENRES) and f"chance {1 / len(GENRES):.3f}" in told
    assert sum(figures["predicted"].values()) == 4 and figures["fits"]["items"] == 2
    assert figures["renders"]["items"] == 1
