"""Chord extraction: synthesised chords of known names."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import mir_eval.chord
import numpy as np
import pytest
import torch

from jasco.audio import Audio, load_audio
from jasco.chords import CHORD_INDEX, ChordProgression, to_harte
from jasco.chords.vocabulary import QUALITIES, SPELLINGS
from jasco.errors import MissingPartError
from jasco.extract import chordino
from jasco.extract.chordino import SAMPLE_RATE, extract_chords, find_chordino, run_chordino

CHORD_SECONDS = 2.0
# What a cadence in a key is made of: I, IV, V, I in chords of one quality.
STEPS = (0, 5, 7, 0)


@pytest.fixture(scope="module", autouse=True)
def plugin() -> None:
    try:
        find_chordino()
    except MissingPartError as error:
        pytest.skip(str(error))


@cache
def tone(midi: float, seconds: float, rate: int) -> np.ndarray:
    """A plucked note of six partials, (samples,)."""
    time = np.arange(round(seconds * rate), dtype=np.float32) / rate
    frequency = 440 * 2 ** ((midi - 69) / 12)
    partials = [
        0.6**k * np.sin(2 * np.pi * k * frequency * time + k)
        for k in range(1, 7)
        if k * frequency < rate / 2
    ]
    envelope = np.minimum(1, np.minimum(time / 0.01, (seconds - time) / 0.03))
    return np.sum(partials, axis=0) * envelope * np.exp(-0.5 * time)


def play(
    progression: Sequence[tuple[int, str]], rate: int = SAMPLE_RATE, seconds: float = CHORD_SECONDS
) -> Audio:
    """Sound of (root pitch class, quality of the vocabulary): a bass note and a close chord."""
    pieces = []
    for root, quality in progression:
        notes = [
            36 + root,
            *(60 + (root + step) % 12 for step in (0, *QUALITIES[quality].values())),
        ]
        pieces.append(sum(tone(note, seconds, rate) for note in notes))
    samples = np.concatenate(pieces)
    return Audio(torch.from_numpy(samples / np.abs(samples).max() / 2).float()[None], rate)


def scores(
    estimate: ChordProgression,
    progression: Sequence[tuple[int, str]],
    seconds: float = CHORD_SECONDS,
) -> Mapping[str, float]:
    """The measures of mir_eval: the part of the time in which root, majmin, ... are right."""
    assert estimate.end is not None
    edges = [*estimate.onsets, estimate.end]
    intervals = np.array(list(zip(edges, edges[1:], strict=False)))
    truth = np.arange(len(progression))[:, None] * seconds + np.array([[0, seconds]])
    names = [to_harte(SPELLINGS[root, quality, 0]) for root, quality in progression]
    return mir_eval.chord.evaluate(truth, names, intervals, [to_harte(n) for n in estimate.names])


@pytest.mark.parametrize("quality", ["", "m", "7", "maj7", "m7"])
def test_cadences_in_all_keys_are_extracted(quality: str) -> None:
    progression = [((key + step) % 12, quality) for key in range(12) for step in STEPS]
    estimate = extract_chords(play(progression))
    reached = scores(estimate, progression)
    assert reached["root"] >= 0.95
    assert reached["majmin"] >= 0.95
    assert reached["sevenths"] >= 0.95
    assert estimate.notices == ()
    assert estimate.end == pytest.approx(len(progression) * CHORD_SECONDS)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 192_000])
def test_any_sample_rate_gives_the_same_chords(rate: int) -> None:
    progression = [(2, "m"), (7, "7"), (0, "maj7"), (9, "m7")]
    estimate, at_44100 = (extract_chords(play(progression, r)) for r in (rate, SAMPLE_RATE))
    assert scores(estimate, progression)["sevenths"] >= 0.95
    assert estimate.names == at_44100.names
    assert estimate.onsets == pytest.approx(at_44100.onsets, abs=0.05)


def test_channels_are_mixed_down() -> None:
    audio = play([(0, ""), (5, ""), (7, ""), (0, "")])
    left_only = torch.cat([2 * audio.samples, torch.zeros_like(audio.samples)])
    assert extract_chords(Audio(left_only, audio.sample_rate)) == extract_chords(audio)


def test_chords_start_at_zero_in_steps_of_the_plugin() -> None:
    estimate = extract_chords(play([(0, ""), (9, "m")]))
    assert estimate.names == ("N", "C", "Am")
    step = 2048 / SAMPLE_RATE
    assert estimate.onsets[:2] == pytest.approx([0, step])
    assert estimate.onsets[2] == pytest.approx(CHORD_SECONDS, abs=2 * step)
    assert [onset / step for onset in estimate.onsets] == pytest.approx(
        [round(onset / step) for onset in estimate.onsets], abs=1e-4
    )


def test_only_the_start_differs_from_the_defaults_of_the_host() -> None:
    """The published models were trained on the events of a plain `vamp.collect`."""
    import vamp

    audio = play([(3, "m"), (8, ""), (10, "7"), (3, "m")])
    plain = vamp.collect(
        audio.samples[0].numpy(), SAMPLE_RATE, "nnls-chroma:chordino", output="simplechord"
    )["list"]
    events = [(event["label"], float(event["timestamp"])) for event in plain]
    assert [label for label, _ in events[:2]] == ["N", "Ebm"]
    assert [onset for _, onset in events[:2]] == pytest.approx([0.1858, 0.2322], abs=1e-4)
    assert extract_chords(audio).pairs()[2:] == events[2:-1]


@pytest.mark.parametrize(
    "samples, rate",
    [(1, 44100), (800, 8000), (4410, 44100), (44100, 44100), (192_000 * 2, 192_000)],
)
def test_silence_is_no_chord(samples: int, rate: int) -> None:
    estimate = extract_chords(Audio(torch.zeros(2, samples), rate))
    assert estimate.pairs() == [("N", 0.0)]
    assert estimate.end == pytest.approx(samples / rate)


def test_audio_too_short_for_a_chord() -> None:
    estimate = extract_chords(play([(0, "")], seconds=0.1))
    assert estimate.names[0] == "N"
    assert estimate.end == pytest.approx(0.1)


def test_three_minutes() -> None:
    random = np.random.default_rng(1)
    progression = [(int(root), "") for root in random.integers(0, 12, 60)]
    estimate = extract_chords(play(progression, rate=22050, seconds=3.0))
    assert estimate.end == pytest.approx(180)
    assert scores(estimate, progression, seconds=3.0)["majmin"] >= 0.95


def test_a_long_recording_is_extracted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    roots, qualities = random.integers(0, 12, 50), random.choice(["", "m", "7"], 50)
    audio = play([(int(root), str(q)) for root, q in zip(roots, qualities, strict=True)])
    whole = extract_chords(audio)
    monkeypatch.setattr(chordino, "PIECE", 33)
    in_pieces = extract_chords(audio)
    assert in_pieces.names == whole.names
    # Each piece counts its own steps of 46 ms.
    assert in_pieces.onsets == pytest.approx(whole.onsets, abs=0.05)
    assert in_pieces.end == whole.end


def test_whatever_the_plugin_says_is_in_the_vocabulary() -> None:
    random = np.random.default_rng(2)
    progression = [
        [36 + (root + bass) % 12, *(60 + (root + step) % 12 for step in steps)]
        for root, quality, bass in SPELLINGS
        if (steps := (0, *QUALITIES[quality].values()))
    ]
    progression += random.integers(36, 84, (100, 4)).tolist()
    samples = np.concatenate(
        [sum(tone(note, 0.6, SAMPLE_RATE) for note in notes) for notes in progression]
    )
    labels = {label for label, _ in run_chordino((samples / np.abs(samples).max()).astype("f4"))}
    assert labels <= CHORD_INDEX.keys()
    assert len(labels) > 100
    assert any("/" in label for label in labels)


def test_real_recordings(shared: Path) -> None:
    silent_of_chords = extract_chords(load_audio(shared / "audio" / "sep_drums_1.mp3"))
    assert set(silent_of_chords.names) == {"N"}
    music = extract_chords(load_audio(shared / "audio" / "salience_2.wav"))
    assert len(set(music.names) - {"N"}) >= 3


def test_a_missing_plugin_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import torch
        from jasco.audio import Audio
        from jasco.errors import MissingPartError
        from jasco.extract.chordino import extract_chords
        try:
            extract_chords(Audio(torch.zeros(1, 44100), 44100))
        except MissingPartError as error:
            print(error)
        """
    )
    places = {"VAMP_PATH": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | places,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "jasco-doctor --install-chordino" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_a_missing_host_is_one_sentence_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vampyhost", None)
    with pytest.raises(MissingPartError, match=r"pip install 'jasco\[chords\]'"):
        extract_chords(Audio(torch.zeros(1, 44100), 44100))
