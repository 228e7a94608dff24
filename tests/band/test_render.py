"""Rendered songs: the same bytes each time, and each label extracted where it belongs."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch

from jasco.band import Note, Part, compose_song
from jasco.band.instruments import PITCHED
from jasco.band.render import find_fluidsynth, find_soundfont, render_song
from jasco.errors import AudioError, MissingPartError

RATE = 32000


@pytest.fixture(scope="module")
def songs(soundfont):
    return [compose_song(f"1/{number}", 8.0) for number in range(8)]


@pytest.fixture(scope="module")
def renders(songs):
    return [render_song(song) for song in songs]


def dry(song, *roles):
    """The same song with some of its parts, and without reverberation."""
    parts = {
        role: dataclasses.replace(song.parts[role], reverb=0, chorus=0)
        for role in roles or song.parts
    }
    return dataclasses.replace(song, parts=parts, room=song.room._replace(reverb=0.0))


def test_the_same_song_gives_the_same_bytes(songs, renders):
    for song, render in list(zip(songs, renders, strict=True))[:3]:
        again = render_song(song)
        assert torch.equal(again.mix.samples, render.mix.samples)
        assert torch.equal(again.drums.samples, render.drums.samples)


def test_a_render_is_as_long_as_the_song_at_its_level(songs, renders):
    for song, render in zip(songs, renders, strict=True):
        for audio in render.mix, render.drums:
            assert audio.samples.shape == (2, 8 * RATE) and audio.sample_rate == RATE
        mix = render.mix.samples
        level = 10 * float(mix.square().mean().log10())
        assert mix.abs().max() <= 0.98
        assert level == pytest.approx(song.room.level, abs=0.1) or mix.abs().max() > 0.96
        assert torch.equal(mix * 2**15, (mix * 2**15).round())  # 16 bits


@pytest.mark.parametrize("name", ["warm pad", "atmosphere", "synth brass", "saw lead"])
def test_an_instrument_recorded_about_an_offset_is_rendered_without(soundfont, name):
    song = compose_song("1/0", 4.0)
    notes = tuple(Note(pitch, 90, time, time + 0.9) for time, pitch in enumerate((48, 55, 60, 64)))
    part = Part(PITCHED[name], notes, volume=100, pan=64, reverb=0, chorus=0)
    mix = render_song(dataclasses.replace(song, parts={"pad": part})).mix.samples
    rms = mix.square().mean(dim=1).sqrt()
    assert (mix.mean(dim=1).abs() < 1e-3 * rms).all()  # the samples themselves: up to .5


def test_drums_are_alone_and_within_the_mix(songs, renders):
    kinds = Counter()
    for song, render in zip(songs, renders, strict=True):
        rest = render.mix.samples - render.drums.samples
        kinds["drums" in song.parts] += 1
        assert bool(render.drums.samples.any()) == ("drums" in song.parts)
        assert rest.square().mean() < render.mix.samples.square().mean() * 2
        if song.facts["patterns"].get("drums"):
            drums = render.drums.samples
            likeness = (drums * render.mix.samples).sum() / drums.square().sum()
            assert likeness == pytest.approx(1.0, abs=0.35)
    assert kinds[True] >= 3


def test_panning_and_reverb_are_heard(songs):
    song = next(song for song in songs if "lead" in song.parts)
    part = song.parts["lead"]
    left, right = (
        render_song(
            dry(dataclasses.replace(song, parts={"lead": dataclasses.replace(part, pan=pan)}))
        ).mix.samples
        for pan in (0, 127)
    )
    assert left[0].square().sum() > 3 * left[1].square().sum()
    assert right[1].square().sum() > 3 * right[0].square().sum()
    wet = dataclasses.replace(song, parts={"lead": dataclasses.replace(part, reverb=127)})
    assert not torch.equal(render_song(wet).mix.samples, render_song(dry(song, "lead")).mix.samples)


def test_every_hit_is_heard_where_it_is_written(songs):
    """Hits that stand alone for 80 ms: the sound rises within 25 ms of their time."""
    checked = 0
    for song in songs:
        if "drums" not in song.parts:
            continue
        sound = render_song(dry(song, "drums")).drums.samples.abs().amax(dim=0)
        times = [note.onset for note in song.hits]
        for index, note in enumerate(song.hits):
            others = [t for i, t in enumerate(times) if i != index]
            if note.velocity < 80 or min((abs(t - note.onset) for t in others), default=1) < 0.08:
                continue
            first = int(note.onset * RATE)
            after = sound[first : first + int(0.08 * RATE)]
            before = sound[max(first - int(0.005 * RATE), 0) : first + 1].max()
            if after.max() < 3 * before:
                continue  # the ring of the one before covers it
            rise = int((after > before + 0.3 * (after.max() - before)).float().argmax()) / RATE
            assert rise < 0.025, (song.seed, note)
            checked += 1
    assert checked >= 60


@pytest.mark.parametrize("name", ["flute", "grand piano", "saw lead", "trumpet", "vibraphone"])
def test_the_lead_sounds_at_the_pitch_of_its_label(songs, name):
    from jasco.band.instruments import PITCHED

    song = next(song for song in songs if "lead" in song.parts)
    part = dataclasses.replace(song.parts["lead"], instrument=PITCHED[name])
    song = dry(dataclasses.replace(song, parts={"lead": part}))
    sound = render_song(song).mix.samples.mean(dim=0)
    checked = 0
    for note in part.notes:
        first, stop = int((note.onset + 0.03) * RATE), int(note.offset * RATE)
        if stop - first < 0.15 * RATE:
            continue
        piece = sound[first : first + int(0.15 * RATE)]
        spectrum = torch.fft.rfft(piece * torch.hann_window(len(piece)), n=4 * RATE).abs()
        wanted = 440 * 2 ** ((note.pitch - 69) / 12)
        around = slice(int(4 * wanted / 2**0.25), int(4 * wanted * 2**0.25))
        peak = (around.start + int(spectrum[around].argmax())) / 4
        assert peak == pytest.approx(wanted, rel=2 ** (0.5 / 12) - 1), note
        below = spectrum[int(2 * wanted / 1.03) : int(2 * wanted * 1.03)].max()
        assert spectrum[around].max() > 5 * below  # no octave below
        checked += 1
    assert checked >= 3


def test_a_slow_attack_is_played_ahead_of_its_label(songs):
    """The lead without its attack is the same sound, later."""
    song = next(song for song in songs if "lead" in song.parts and song.parts["lead"].notes)
    part = song.parts["lead"]
    moved = tuple(n._replace(onset=n.onset + 0.2, offset=n.offset + 0.2) for n in part.notes)
    sounds = []
    for attack in (0.0, 0.1):
        instrument = part.instrument._replace(attack=attack)
        lead = dataclasses.replace(part, notes=moved, instrument=instrument)
        alone = dataclasses.replace(song, duration=9.0, parts={"lead": lead})
        sounds.append(render_song(dry(alone)).mix.samples.mean(dim=0))
    starts = [int((s.abs() > 0.02 * s.abs().max()).float().argmax()) / RATE for s in sounds]
    assert starts[0] - starts[1] == pytest.approx(0.1, abs=0.01)


def test_what_is_missing_is_named(songs, tmp_path, monkeypatch):
    monkeypatch.setenv("JASCO_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(MissingPartError, match=r"none\.sf2: JASCO_SOUNDFONT"):
        find_soundfont()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPartError, match="apt install fluidsynth"):
        find_fluidsynth()


def test_a_broken_soundfont_is_an_error_and_not_silence(songs, tmp_path, monkeypatch):
    (tmp_path / "broken.sf2").write_bytes(b"RIFF but no soundfont" * 40)
    monkeypatch.setenv("JASCO_SOUNDFONT", str(tmp_path / "broken.sf2"))
    with pytest.raises(AudioError, match="FluidSynth did not play"):
        render_song(songs[0])
