"""Drums: an isolated drum track, and its codes, one coarse EnCodec code per latent frame."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from jasco.audio import SONG, Audio, load_audio, probe, sustained_share, to_audio
from jasco.audio.stretching import stretch_loop
from jasco.control_value import MAX_FRAMES, ControlValue, Reader, Span, TrackTensors
from jasco.errors import ConditionError, JascoWarning, SettingError
from jasco.io.plain import is_whole
from jasco.played import PlayedDrums

DEFAULT_SAMPLE_RATE = 32000
"""Sample rate (Hz) of bare sample arrays, that of every published model."""

SILENT = 1e-3
"""Peak amplitude below which drums are silent, -60 dB of full scale."""

LONGEST_DRUMS = 600.0
"""Longest part of a drum file that is read (s)."""


def repeat_loop(
    loop: Audio, duration: float, bar: float | None = None, own: float | None = None
) -> tuple[Audio, str]:
    """Drum loop repeated to a length, and a line that says how.

    Args:
        loop: drum track of whole bars.
        duration: length of the result (s).
        bar: length of a bar (s); a loop is then cut, or filled up with silence by half a bar at
            most, to whole bars. ``None`` for a loop that is repeated as it is.
        own: length of a bar in the loop (s), which is stretched to ``bar``; ``None`` for ``bar``.

    Raises:
        MissingPartError: python-stretch is not installed.
    """
    samples, rate = loop.samples, loop.sample_rate
    length, words = samples.shape[1], f"{loop.duration:.2f} s"
    if bar is not None:
        own = own or bar
        bars = max(round(loop.duration / own), 1)
        length = round(bars * own * rate)
        words += f", taken as {bars} bar{'s' if bars > 1 else ''} of {own:.2f} s"
        samples = F.pad(samples, (0, max(length - samples.shape[1], 0)))
        if own != bar:
            wanted = round(bars * bar * rate)
            samples = stretch_loop(Audio(samples[:, :length], rate), wanted).samples
            length, words = wanted, f"{words}, stretched to {bar:.2f} s"
    total = round(duration * rate)
    if bar is None:
        places = torch.arange(total) % length
    else:
        # Repeats begin at bars, not at multiples of a rounded length.
        times = torch.arange(total, dtype=torch.float64) % (bars * bar * rate)
        places = times.long().clamp(max=length - 1)
    line = f"loop of {words}, repeated to {duration:.2f} s"
    return Audio(samples[:, places].contiguous(), rate), line


def fitted(given: float, length: float) -> str:
    """Line about drums of a length (s) in a clip of another one."""
    took = "the first" if given > length else "silence after"
    return f"{given:.2f} s given, {took} {min(given, length):.2f} s used"


@dataclass(frozen=True, eq=False)
class DrumCodes(ControlValue):
    """Codes of the first EnCodec codebook of an isolated drum track.

    A model receives nothing else of the drum audio, so recipes and prepared datasets store codes in
    place of audio. Codes are valid only for the codec that made them. A track file holds
    ``drum_codes``, int16 (T,); a recipe the list of the codes.

    Attributes:
        codes: (T,) int64, one code per latent frame.

    Raises:
        ConditionError: the codes are not a non-empty vector of non-negative whole numbers.
    """

    codes: Tensor

    def __post_init__(self) -> None:
        codes = torch.as_tensor(self.codes).cpu()
        if codes.dim() != 1 or codes.numel() == 0 or codes.is_floating_point():
            raise ConditionError(
                f"drum codes of shape {tuple(codes.shape)} and type {codes.dtype}: "
                "give a vector of whole numbers, one per latent frame"
            )
        if int(codes.min()) < 0:
            raise ConditionError(f"drum code {int(codes.min())}: codes are not negative")
        object.__setattr__(self, "codes", codes.to(torch.int64))

    def __len__(self) -> int:
        return self.codes.numel()

    @classmethod
    def of(cls, value: Any, **options: Any) -> Audio | DrumCodes | PlayedDrums:
        """Codes, or drum audio: samples, or a path, of which up to `LONGEST_DRUMS` are read."""
        if isinstance(value, DrumCodes | PlayedDrums):
            return value
        if not isinstance(value, str | PathLike):
            return to_audio(value, sample_rate=DEFAULT_SAMPLE_RATE)
        audio = load_audio(value, duration=LONGEST_DRUMS)
        if audio.duration == LONGEST_DRUMS and probe(value).duration > LONGEST_DRUMS:
            warnings.warn(
                f"{value} is longer than the {LONGEST_DRUMS:g} s that are read of it as drums; for "
                "another part give load_audio(path, start=..., duration=...)",
                JascoWarning,
                stacklevel=4,
            )
        return audio

    @classmethod
    def changes(
        cls, value: Audio | DrumCodes | PlayedDrums, num_frames: int, frame_rate: float
    ) -> Iterator[str]:
        """Fit of the length of drum audio, and signs that it is no isolated drum track."""
        if isinstance(value, DrumCodes):
            return
        length = num_frames / frame_rate
        if isinstance(value, PlayedDrums):
            if value.line:
                yield value.line
            if value.duration < math.inf:
                yield fitted(value.duration, length)
            return
        if value.duration != length:
            yield fitted(value.duration, length)
        mono, notice = value.crop(0.0, length).mixed()
        if notice:
            yield notice
        if float(mono.samples.abs().max()) < SILENT:
            yield (
                "they are silent there, which asks for no sound of drums: leave them out to leave "
                "the drums to the model"
            )
        elif (share := sustained_share(mono)) > SONG:
            yield (
                f"{share:.0%} of them is sustained sound, as in a whole song: give an isolated "
                "drum track, or have it taken out of the song by --drums-from (separate_drums)"
            )

    def to_plain(self, num_frames: int, frame_rate: float) -> list[int]:
        """List of the codes."""
        found: list[int] = self.codes.tolist()
        return found

    @classmethod
    def from_plain(cls, plain: Any, num_frames: int) -> DrumCodes:
        """Codes of a list."""
        if not (
            isinstance(plain, list)
            and 0 < len(plain) <= MAX_FRAMES
            and all(is_whole(code, 2**15) for code in plain)
        ):
            raise ConditionError(
                f"drums of the recipe are {plain!r:.60}: give a list of 1 to {MAX_FRAMES:,} codes"
            )
        return cls(torch.tensor(plain))

    def pack(self, num_frames: int = 0, frame_rate: float = 0.0) -> dict[str, Tensor]:
        """The codes."""
        return {"drum_codes": self.codes.to(torch.int16)}

    @classmethod
    def unpack(cls, tensors: TrackTensors, span: Span) -> DrumCodes:
        """Codes of a span."""
        return cls(tensors.rows("drum_codes", span))

    def excerpt(self, start: float, length: float | None) -> DrumCodes:
        """All codes, because they are those of a whole clip.

        Raises:
            SettingError: the clip begins later.
        """
        if start > 0:
            raise SettingError(
                "the drums are codes of a whole clip, which cannot begin later: give drums"
            )
        return self

    def check_length(self, num_frames: int) -> None:
        """Refuse fewer codes than frames."""
        if len(self) < num_frames:
            raise ConditionError(f"{len(self)} drum codes given, the clip has {num_frames} frames")

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], name: str, reader: Reader, span: Span) -> Any:
        """Audio of the drum track that a manifest names, over the span."""
        return reader.audio(reader.folder / fields[name], *span.seconds)

    def padded(self, num_frames: int) -> DrumCodes:
        """Codes as long as the clip."""
        return DrumCodes(F.pad(self.codes, (0, max(num_frames - len(self), 0))))
