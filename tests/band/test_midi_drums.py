from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
from mir_eval.onset import f_measure

from jasco.band.midi_drums import ROLAND, drums_of_midi
from jasco.errors import AudioError
from jasco.extract.onsets import detect_onsets

KICK, SNARE, CLOSED = 36, 38, 42


def groove(
    path: Path, strokes: list[tuple[float, int]], *, channel: int = 9, name: str = ""
) -> Path:
    """File of strokes (onset in quarter notes of half a second, key)."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    events = [(at, "note_on", key) for at, key in strokes]
    events += [(at + 0.1, "note_off", key) for at, key in strokes]
    now = 0
    for at, kind, key in sorted(events, key=lambda event: event[0]):
        tick = round(at * 480)
        track.append(mido.Message(kind, note=key, velocity=100, channel=channel, time=tick - now))
        now = tick
    mido.MidiFile(tracks=[track]).save(path)
    return path


def bars(hat: int = CLOSED) -> list[tuple[float, int]]:
    """Two bars of rock in eighths."""
    found = [(beat / 2, hat) for beat in range(16)]
    return found + [(b, KICK) for b in (0, 2, 4, 6)] + [(b, SNARE) for b in (1, 3, 5, 7)]


def test_strokes_sound_at_their_times(tmp_path: Path, soundfont: Path) -> None:
    audio = drums_of_midi(groove(tmp_path / "a.mid", bars()))
    assert audio.duration == pytest.approx(7.5 * 0.5 + 0.5)
    expected = np.array(sorted({at * 0.5 for at, _ in bars()}))
    assert f_measure(expected, detect_onsets(audio), window=0.03)[0] >= 0.95


def test_keys_of_roland_kits_are_those_of_general_midi(tmp_path: Path, soundfont: Path) -> None:
    edge, closed = (drums_of_midi(groove(tmp_path / f"{k}.mid", bars(k))) for k in (22, CLOSED))
    assert np.array_equal(edge.samples, closed.samples) and ROLAND[26] == 46


def test_a_file_without_drums_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="has no drum strokes"):
        drums_of_midi(groove(tmp_path / "a.mid", bars(), channel=0, name="piano"))
    (tmp_path / "b.mid").write_bytes(b"nothing")
    with pytest.raises(AudioError, match="is no MIDI file"):
        drums_of_midi(tmp_path / "b.mid")
    with pytest.raises(AudioError, match="at most 3600 s"):
        drums_of_midi(groove(tmp_path / "c.mid", [(8000.0, KICK)]))
