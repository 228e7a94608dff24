"""Scores of true recordings of the band, in this process and in others."""

from __future__ import annotations

from pathlib import Path

import pytest

from jasco.audio import load_audio
from jasco.errors import SettingError
from jasco.evaluation.items import Items
from jasco.evaluation.records import Key
from jasco.evaluation.scoring import ExtractorConfig, ScoringPool, Take
from jasco.melody import LOWEST_NOTE
from jasco.metrics.shuffle import derangement


def takes(items: Items, folder: Path) -> list[Take]:
    other, found = derangement(len(items)), []
    for number in range(len(items)):
        item, original = items.item(number), items.original(number)
        audio = original.load()
        found.append(
            Take(
                Key("true", 0, item.id),
                audio.samples.numpy(),
                audio.sample_rate,
                item.reference,
                items.item(other[number]).reference,
                (original, items.original(other[number])),
                folder / f"{number}.flac",
            )
        )
    return found


def score(extractor: ExtractorConfig, workers: int, made: list[Take]) -> dict[str, dict]:
    records: list[dict] = []
    pool = ScoringPool(extractor, workers, records.append)
    pool.submit(made)
    pool.finish()
    return {record["item"]: record for record in records}


def test_true_recordings_are_extracted_as_requested(
    items: Items, chordino: Path, shared: Path, tmp_path: Path
) -> None:
    weights = str(shared / "salience" / "multif0.h5")
    extractor = ExtractorConfig(
        ("chords", "drums", "melody"), ("signal", "chroma"), weights=weights
    )
    made = takes(items, tmp_path)
    records = score(extractor, 0, made)
    assert list(records) == [take.key.item for take in made]
    for metric, margin in (("chords.root", 0.3), ("drums.f1", 0.1), ("salience.rca", 0.2)):
        kinds = [[r[kind][metric] for r in records.values()] for kind in ("scores", "shuffled")]
        true, shuffled = (
            sum(values) / len(values) for values in ([v for v in k if v is not None] for k in kinds)
        )
        assert true > shuffled + margin, metric
    assert all(r["scores"]["chroma.similarity"] == 1 for r in records.values())
    assert any(r["shuffled"]["chroma.similarity"] < 0.9 for r in records.values())
    for take, record in zip(made, records.values(), strict=True):
        assert record["seconds"] > 0
        assert -60 < record["scores"]["signal.loudness"] < 0
        assert load_audio(take.path).samples.shape == take.samples.shape
        extracted = record["extracted"]
        assert extracted["chords"][-1][1] == pytest.approx(3.0, abs=0.01)
        assert all(0 <= time < 3 for time in extracted["onsets"])
        for (start, stop, row), (_, _, tone) in zip(
            extracted["rows"][:1], extracted["pitch_classes"][:1], strict=True
        ):
            assert 0 <= start < stop <= 150 and tone == (row + LOWEST_NOTE) % 12


def test_other_processes_score_alike(items: Items, tmp_path: Path) -> None:
    extractor = ExtractorConfig(("drums",))
    made = takes(items, tmp_path)
    here, there = score(extractor, 0, made), score(extractor, 1, made)
    for records in (here, there):
        for record in records.values():
            del record["seconds"]
    assert here == there


def test_what_is_wrong_in_another_process_is_raised_here(items: Items, tmp_path: Path) -> None:
    from jasco.errors import AudioError

    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match="cannot write"):
        score(ExtractorConfig(("drums",)), 1, takes(items, tmp_path / "file"))
    with pytest.raises(SettingError, match="workers=-1"):
        ScoringPool(ExtractorConfig(()), -1, print)
