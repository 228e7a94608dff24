from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import runs

from jasco.data.prepared import read_index, write_index
from jasco.errors import DataError, SettingError
from jasco.evaluation.items import Items
from jasco.extract.onsets import detect_onsets
from jasco.model import Jasco


def test_items_are_the_middles_of_the_tracks(items: Items) -> None:
    assert len(items) == 4 and items.frames == 150 and items.duration == 3.0
    assert [items.start(number) for number in range(4)] == [25] * 4
    ids = [items.track(number).id for number in range(4)]
    assert ids == sorted(ids)
    for number in range(4):
        item = items.item(number)
        assert item.latents.shape == (150, 128)
        assert item.conditions.asked == ("text", "chords", "drums", "melody")
        assert item.conditions.text == items.track(number).text
        assert item.reference["chords"][-1][1] == 3.0
        assert len(item.reference["melody"].rows) == 150
        assert items.original(number).load().duration == pytest.approx(3.0)


def test_onsets_are_those_of_the_drums_alone(items: Items) -> None:
    from jasco.audio import load_audio

    counts = set()
    for number in range(4):
        track, onsets = items.track(number), items.item(number).reference["drums"].onsets
        alone = load_audio(track.fields["drums"], start=0.5, duration=3.0)
        assert onsets is not None
        np.testing.assert_array_equal(onsets, detect_onsets(alone))
        counts.add(len(onsets))
    assert len(counts) > 1


def test_the_fingerprint_follows_what_is_evaluated(prepared: Path, tiny: Jasco) -> None:
    base = Items(prepared, tiny, extracted=(), duration=3.0).fingerprint()
    assert base == Items(prepared, tiny, extracted=(), duration=3.0).fingerprint()
    assert base != Items(prepared, tiny, extracted=(), duration=2.0).fingerprint()
    assert base != Items(prepared, tiny, extracted=(), duration=3.0, count=2).fingerprint()


def test_what_cannot_be_evaluated(prepared: Path, tiny: Jasco, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="two or more"):
        Items(prepared, tiny, count=1, duration=3.0)
    with pytest.raises(DataError, match="0 of the 4 tracks of .* last 10 s"):
        Items(prepared, tiny)
    with pytest.raises(DataError, match="has 4 tracks of 3 s or longer: give data.items=4"):
        Items(prepared, tiny, count=9, duration=3.0)
    with pytest.raises(DataError, match="another codec"):
        Items(prepared, runs.new_model(seed=4), duration=1.0)


def test_drums_need_a_recording_of_them(prepared: Path, tiny: Jasco, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(prepared, copy)
    tracks = read_index(copy)
    for track in tracks:
        del track.fields["drums"]  # type: ignore[attr-defined]
    write_index(copy, tracks)
    with pytest.raises(DataError, match="its manifest names none: give one as"):
        Items(copy, tiny, duration=3.0)
    silent = Items(copy, tiny, extracted=["chords", "melody"], duration=3.0)
    assert "drums" not in silent.item(0).reference
    assert silent.item(0).conditions.drums is not None
