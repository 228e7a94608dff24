"""Loop points, tempo and key of a wav file, as samplers read them.

``smpl`` is of the RIFF specification (Multimedia Data Standards Update, Microsoft, 1994); its loop
ends with the last sample that is played. ``acid`` has no specification: fields as Sonic Foundry's
ACID writes them, with the denominator of the metre before the numerator.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import torch

from jasco.audio.level import Limiter, normalize_loudness
from jasco.audio.signal import Audio

_MIDDLE_C = 60
_ROOT, _STRETCH = 0x02, 0x04  # flags of acid: the root note is set, the tempo may be changed
_FORWARD, _ENDLESS = 0, 0


@dataclass(frozen=True)
class LoopPoints:
    """Musical facts of a file of whole beats, which is a loop or a song.

    Attributes:
        beats: number of beats.
        bpm: beats per minute.
        metre: beats of a bar and their note value, as (4, 4).
        root: pitch class of the key, 0 for C; ``None`` where it is not known.
        is_endless: the file loops; ``False`` for a song, which has a tempo only.
    """

    beats: int
    bpm: float
    metre: tuple[int, int]
    root: int | None = None
    is_endless: bool = True

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the tempo for flac, mp3 and ogg."""
        return {"BPM": f"{self.bpm:.6g}"}

    def chunks(self, samples: int, sample_rate: int) -> list[tuple[bytes, bytes]]:
        """Names and contents of the chunks for a file of ``samples``."""
        root = _MIDDLE_C + (self.root or 0)
        smpl = struct.pack(
            "<9I6I",
            *(0, 0, round(1e9 / sample_rate), root, 0, 0, 0, 1, 0),
            *(0, _FORWARD, 0, samples - 1, 0, _ENDLESS),
        )
        flags = _STRETCH | (0 if self.root is None else _ROOT)
        count, unit = self.metre
        acid = struct.pack("<IHHfIHHf", flags, root, 0x8000, 0.0, self.beats, unit, count, self.bpm)
        return [*([(b"smpl", smpl)] if self.is_endless else []), (b"acid", acid)]


def normalize_loop(audio: Audio, target: float, *, limiter: Limiter = "soft") -> Audio:
    """Loop at a loudness (LUFS), with filter and limiter in the state of one that plays on."""
    length = audio.samples.shape[-1]
    tiled = Audio(torch.cat([audio.samples] * 3, -1), audio.sample_rate)
    played = normalize_loudness(tiled, target, limiter=limiter)
    return Audio(played.samples[..., length : 2 * length], audio.sample_rate)
