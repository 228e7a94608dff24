"""Rendering of songs to audio by the FluidSynth program and a General MIDI soundfont.

Drums and all other parts are rendered apart and added, which gives an isolated drum track with its
own reverberation, contained exactly in the mix. A song gives the same bytes on the same FluidSynth
and soundfont.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from jasco.audio import Audio
from jasco.audio.filters import high_pass
from jasco.band.song import ROLES, Part, Song
from jasco.errors import AudioError, MissingPartError

SAMPLE_RATE = 32000
"""Sample rate (Hz) of the models."""

INSTALL = "apt install fluidsynth fluid-soundfont-gm"

_SOUNDFONTS = (
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/local/share/soundfonts/FluidR3_GM.sf2",
)
_PEAK = 0.97
_STEP = 2.0**-15  # samples are rounded to 16 bits, so that a FLAC is small and lossless


@dataclass(frozen=True, eq=False)
class Render:
    """Audio of a song.

    Attributes:
        mix: (2, samples).
        drums: (2, samples), the drums as contained in the mix; silence where there are none.
    """

    mix: Audio
    drums: Audio


def find_fluidsynth() -> str:
    """Path of the FluidSynth program.

    Raises:
        MissingPartError: FluidSynth is not installed.
    """
    program = shutil.which("fluidsynth")
    if program is None:
        raise MissingPartError(f"the band plays on FluidSynth, which is not here: {INSTALL}")
    return program


def find_soundfont() -> Path:
    """Path of the soundfont: ``$JASCO_SOUNDFONT``, or FluidR3 GM where systems install it.

    Raises:
        MissingPartError: no soundfont is installed.
    """
    named = os.environ.get("JASCO_SOUNDFONT")
    for path in map(Path, [named] if named else _SOUNDFONTS):
        if path.is_file():
            return path
    raise MissingPartError(
        f"no soundfont at {named}: JASCO_SOUNDFONT has to name an .sf2 file"
        if named
        else f"the band needs the soundfont FluidR3 GM: {INSTALL}, or name an .sf2 file in "
        "JASCO_SOUNDFONT"
    )


def render_song(
    song: Song, *, soundfont: Path | None = None, sample_rate: int = SAMPLE_RATE
) -> Render:
    """Render a song.

    Args:
        song: song to render.
        soundfont: soundfont file; by default that of `find_soundfont`.
        sample_rate: sample rate, 8000 to 96000 (Hz).

    Returns:
        Mix and drums, exactly as long as the song, at the level of its room, or lower where that
        would exceed full scale.

    Raises:
        MissingPartError: FluidSynth or a soundfont is not installed.
        AudioError: FluidSynth failed.
    """
    font = soundfont or find_soundfont()
    drums = _play(song, ("drums",), font, sample_rate)
    mix = drums + _play(song, [role for role in ROLES if role != "drums"], font, sample_rate)
    size = float(mix.square().mean().sqrt())
    # Parts may cancel each other in the mix, so the drums alone may have the higher peak.
    peak = max(abs(float(end)) for signal in (mix, drums) for end in signal.aminmax())
    gain = min(10 ** (song.room.level / 20) / size, _PEAK / peak)
    return Render(*(Audio(_rounded(signal, gain), sample_rate) for signal in (mix, drums)))


def _play(song: Song, roles: Collection[str], soundfont: Path, sample_rate: int) -> torch.Tensor:
    """Audio (2, samples) of the parts of some roles."""
    frames = round(song.duration * sample_rate)
    if not any(role in song.parts for role in roles):
        return torch.zeros(2, frames)
    room = song.room
    settings = {
        "synth.dynamic-sample-loading": 1,  # loading only the samples in use starts much faster
        "synth.reverb.room-size": room.size,
        "synth.reverb.damp": room.damping,
        "synth.reverb.width": 100 * room.width,
        "synth.reverb.level": room.reverb,
    }
    command = [find_fluidsynth(), "-n", "-i", "-q", "-g", "0.5", "-r", str(sample_rate)]
    command += [
        "-z",
        "8192",
    ]  # samples per write; the default of 64 takes longer than the synthesis
    command += ["-T", "raw", "-O", "float", "-E", "little", "-F", "-"]
    command += ["-o", "synth.default-soundfont="]
    for name, value in settings.items():
        command += ["-o", f"{name}={value}"]
    samples = torch.zeros(frames, 2)
    with tempfile.TemporaryDirectory(prefix="jasco-") as folder:
        place = Path(folder)
        # Given as an argument, the soundfont would load a piano and a drum kit for all channels
        # first, which takes a tenth of the whole time.
        (place / "font.sf2").symlink_to(soundfont.absolute())
        (place / "commands").write_text("load font.sf2 0\n")
        ahead = {role: _ahead(part) for role, part in song.parts.items()}
        replace(song, parts=ahead).midi(roles).write(str(place / "song.mid"))
        with (
            (place / "log").open("wb") as log,
            subprocess.Popen(
                [*command, "-f", "commands", "song.mid"],
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            ) as process,
        ):
            output = cast(io.BufferedReader, process.stdout)
            answer = output.readline()
            played = output.readinto(samples.numpy().view(np.uint8).data)
            process.kill()  # the decay after the end is not part of the song
        log_text = (place / "log").read_text(errors="replace")
    # FluidSynth renders silence from an unreadable soundfont, and reports it in the log only.
    if not answer.startswith(b"loaded") or not played or "error" in log_text:
        reason = [*log_text.splitlines(), "no reason given"][0]
        raise AudioError(f"FluidSynth did not play the song {song.seed!r}: {reason}")
    # Some instruments of FluidR3 GM have an offset (that of the warm pad is above its RMS). A model
    # that learns from them makes offsets of its own, which guidance multiplies.
    return high_pass(Audio(samples.T, sample_rate)).samples


def _ahead(part: Part) -> Part:
    """Part with onsets moved ahead by the attack time of its instrument."""
    notes = []
    for note in part.notes:
        early = min(part.instrument.attack, note.onset)
        notes.append(note._replace(onset=note.onset - early, offset=note.offset - early))
    return replace(part, notes=tuple(notes))


def _rounded(samples: torch.Tensor, gain: float) -> torch.Tensor:
    return (gain / _STEP * samples).round_().mul_(_STEP)
