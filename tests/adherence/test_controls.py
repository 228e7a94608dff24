from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jasco.adherence import ControlExtractor, adherence, requested
from jasco.adherence import extractor as module
from jasco.adherence.drums import Rhythm
from jasco.adherence.melody import Tune, to_pitch_classes
from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import (
    CheckpointError,
    ConditionError,
    MelodyError,
    MissingPartError,
    SettingError,
)
from jasco.extract.demucs import load_drum_network
from jasco.extract.drums import DrumSeparator
from jasco.extract.onsets import detect_onsets
from jasco.extract.salience import DeepSalience
from jasco.melody import Melody
from jasco.metrics.shuffle import derangement

RATE = 32000
CHORDS = {"C": (48, 52, 55), "F": (53, 57, 60), "G": (55, 59, 62), "Am": (45, 48, 52)}
SONGS = (
    (("C", "F", "G", "Am"), (84, 81, 79, 76), 0.50),
    (("Am", "G", "F", "C"), (79, 83, 81, 84), 0.40),
    (("F", "C", "Am", "G"), (77, 76, 84, 83), 0.62),
)


def tone(note: int, t: torch.Tensor, harmonics: int) -> torch.Tensor:
    phase = 2 * torch.pi * 440 * 2 ** ((note - 69) / 12) * t
    return torch.stack([0.6**h * torch.sin(h * phase) for h in range(1, harmonics + 1)]).sum(dim=0)


def song(number: int) -> tuple[Audio, Conditions]:
    """Song of 8 s with chords, melody and clicks, and conditions that describe it exactly."""
    names, tune, beat = SONGS[number]
    t = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    fade = (t / 0.03).clamp(max=1) * ((2 - t) / 0.05).clamp(max=1)
    parts = [
        (0.15 * sum(tone(note, t, 5) for note in CHORDS[name]) + 0.6 * tone(high, t, 3)) * fade
        for name, high in zip(names, tune, strict=True)
    ]
    mix = torch.cat(parts)
    drums = torch.zeros_like(mix)
    generator = torch.Generator().manual_seed(number)
    decay = torch.exp(-torch.arange(1600) / 300)
    for time in np.arange(0.1, 7.9, beat):
        place = round(time * RATE)
        drums[place : place + 1600] += 2 * decay * torch.randn(1600, generator=generator)
    conditions = Conditions(
        chords=[(name, 2.0 * index) for index, name in enumerate(names)],
        drums=Audio(drums[None].float() / 10, RATE),
        melody=Melody.from_notes([(note, 2 * i, 2 * i + 2) for i, note in enumerate(tune)]),
    )
    return Audio((mix + drums)[None].float() / 10, RATE), conditions


@pytest.fixture(scope="module")
def published(shared: Path) -> ControlExtractor:
    return ControlExtractor.load(shared / "salience" / "multif0.h5", device="cpu", dtype="float32")


def test_a_song_follows_its_own_request_and_not_that_of_another(
    chordino: Path, published: ControlExtractor
) -> None:
    songs = [song(number) for number in range(len(SONGS))]
    estimate = [published.extract(audio) for audio, _ in songs]
    reference = [requested(conditions, audio.duration) for audio, conditions in songs]
    ceiling = [adherence(*pair) for pair in zip(reference, estimate, strict=True)]
    order = derangement(len(songs))
    floor = [adherence(reference[other], estimate[item]) for item, other in enumerate(order)]
    for name, least, most in (
        ("chords.majmin", 0.85, 0.35),
        ("drums.f1", 0.8, 0.75),
        ("tempo.accuracy2", 1.0, 0.7),
        ("salience.rpa", 0.85, 0.35),
        ("salience.cosine", 0.6, 0.35),
        ("melody.row", 0.85, 0.35),
        ("melody.pitch_class", 0.85, 0.35),
    ):
        assert min(scores[name] for scores in ceiling) >= least, name
        assert np.mean([scores[name] for scores in floor]) <= most, name


def test_without_salience_pitch_classes_come_from_the_chroma() -> None:
    audio, conditions = song(0)
    estimate = ControlExtractor(None).extract(audio, ["melody"])
    assert list(estimate) == ["melody"] and estimate["melody"].rows is None
    scores = adherence(requested(conditions, audio.duration), estimate)
    assert set(scores) == {
        "melody.pitch_class",
        "melody.voicing_recall",
        "melody.voicing_false_alarm",
    }
    assert scores["melody.pitch_class"] >= 0.85
    other = requested(song(1)[1], audio.duration)
    assert adherence(other, estimate)["melody.pitch_class"] <= 0.3


def test_an_extractor_without_weights_has_no_salience(
    monkeypatch: pytest.MonkeyPatch, salience_file: Path, tmp_path: Path
) -> None:
    def nowhere(*_: object, **__: object) -> DeepSalience:
        raise MissingPartError("no weights")

    assert ControlExtractor.load(salience_file, device="cpu").salience is not None
    with pytest.raises(CheckpointError):
        ControlExtractor.load(tmp_path / "absent.h5")
    monkeypatch.setattr(module.DeepSalience, "load", nowhere)
    assert ControlExtractor.load().salience is None
    with pytest.raises(MissingPartError):
        ControlExtractor.load(salience_file)


def test_all_controls_have_the_length_of_the_clip(salience_file: Path) -> None:
    audio, conditions = song(0)
    for duration in (1.0, 1.5, 1.001, 0.05):
        clip = audio.crop(0, duration)
        reference = requested(conditions, clip.duration)
        assert reference["chords"][-1][1] == clip.duration
        for extractor in (
            ControlExtractor(None),
            ControlExtractor.load(salience_file, device="cpu"),
        ):
            estimate = extractor.extract(clip, ["drums", "melody"])
            sides = [side["melody"].pitch_classes for side in (reference, estimate)]
            assert len(sides[0]) == len(sides[1]) > 0
            assert "melody.pitch_class" in adherence(reference, estimate)


def test_silence_has_no_chords_onsets_or_melody(chordino: Path, salience_file: Path) -> None:
    silence = Audio(torch.zeros(1, 4 * RATE), RATE)
    for extractor in (ControlExtractor(None), ControlExtractor.load(salience_file, device="cpu")):
        estimate = extractor.extract(silence)
        assert estimate["chords"] == [(0.0, 4.0, "N")]
        assert len(estimate["drums"].onsets) == 0
        scores = adherence(requested(song(0)[1], 4.0), estimate)
        assert scores["chords.majmin"] == scores["drums.f1"] == 0
    assert adherence(
        requested(song(0)[1], 4.0), ControlExtractor(None).extract(silence, ["melody"])
    ) == {
        "melody.pitch_class": 0.0,
        "melody.voicing_recall": 0.0,
        "melody.voicing_false_alarm": pytest.approx(float("nan"), nan_ok=True),
    }


def test_a_separator_gives_onsets_of_the_drum_stem(small_separator: Path) -> None:
    separator = DrumSeparator(load_drum_network(small_separator), device="cpu")
    audio, conditions = song(0)
    estimate = ControlExtractor(None, separator).extract(audio, ["drums"])
    rhythm = estimate["drums"]
    assert rhythm.onsets is not None and rhythm.stem_onsets is not None
    np.testing.assert_array_equal(rhythm.onsets, detect_onsets(audio))
    np.testing.assert_array_equal(rhythm.stem_onsets, detect_onsets(separator(audio)))
    scores = adherence(requested(conditions, audio.duration), estimate)
    assert {"drums.f1", "drum_stem.f1", "tempo.accuracy1"} < scores.keys()


def test_controls_that_are_not_requested_are_not_scored() -> None:
    onsets = {"drums": Rhythm(np.array([0.5, 1.0]))}
    assert adherence(requested(Conditions(text="a song"), 4.0), onsets) == {}
    assert adherence(onsets, onsets) == {"drums.f1": 1, "drums.precision": 1, "drums.recall": 1}


def test_pitch_classes_of_rows() -> None:
    rows = np.array([-1, 0, 5, 17])  # G2, C3, C4
    np.testing.assert_array_equal(to_pitch_classes(rows), [-1, 7, 0, 0])


def test_unknown_controls_and_unequal_lengths_are_errors() -> None:
    audio, _ = song(0)
    with pytest.raises(SettingError, match="text"):
        ControlExtractor(None).extract(audio, ["text"])
    with pytest.raises(ConditionError, match="give their audio"):
        requested(Conditions(drums=DrumCodes(torch.zeros(400, dtype=torch.long))), 8.0)
    short, long = np.zeros(3, dtype=int), np.zeros(4, dtype=int)
    with pytest.raises(MelodyError, match="3 and 4"):
        adherence({"melody": Tune(short, short)}, {"melody": Tune(long, long)})
