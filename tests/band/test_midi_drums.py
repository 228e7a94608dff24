from __future__ import annotations

import itertools
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from memory import peak, reset_peak
from mir_eval.onset import f_measure

from jasco.band.grooves import FAMILIES
from jasco.band.midi_drums import ROLAND, MidiDrums, drums_of_midi
from jasco.band.patterns import named_pattern
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


@pytest.mark.parametrize("family", FAMILIES)
def test_onsets_of_every_family_are_those_of_its_file(
    family: str, tmp_path: Path, soundfont: Path
) -> None:
    for metre, grooves in FAMILIES[family].grooves.items():
        drums = named_pattern(f"{family} {len(grooves)}", 220 if metre == "6/8" else 110, metre)
        assert drums is not None
        strokes = drums.strokes(8.0)
        track = pretty_midi.Instrument(0, is_drum=True)
        track.notes = [pretty_midi.Note(s.velocity, s.pitch, s.onset, s.offset) for s in strokes]
        file = pretty_midi.PrettyMIDI(resolution=960)
        file.instruments.append(track)
        file.write(str(tmp_path / "a.mid"))
        read = MidiDrums.read(tmp_path / "a.mid")
        assert np.allclose([s.onset for s in read.strokes], [s.onset for s in strokes], atol=1e-3)
        times = [s.onset for s in strokes]
        apart = [a for a, b in itertools.pairwise([*times, 9.0]) if b - a > 0.03]
        found = detect_onsets(read.audio(8.0))
        assert f_measure(np.array(apart), found, window=0.03)[0] >= 0.95


def test_only_the_clip_is_played(tmp_path: Path, soundfont: Path) -> None:
    path = groove(tmp_path / "a.mid", [(beat, SNARE) for beat in range(7000)])  # 58 minutes
    reset_peak()
    before = peak()
    drums = MidiDrums.read(path)
    audio = drums.excerpt(3000).audio(2.0)
    assert audio.duration == 2 and len(drums.strokes) == 7000
    assert len(detect_onsets(audio)) == 4
    assert peak() - before < 200e6  # an hour takes over 900 MB


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
