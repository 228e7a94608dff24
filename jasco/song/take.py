"""Take that an edit begins with: audio, latents, and the recipe that says its controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from jasco.audio import Audio, load_audio, read_recipe, to_audio
from jasco.audio.marks import read_mark
from jasco.chords import ChordProgression
from jasco.chords.metre import COMMON, Metre
from jasco.codec import EnCodec
from jasco.errors import SettingError
from jasco.extract.latents import encode_windows, pieces_for
from jasco.generation import Generation
from jasco.io.fingerprint import fingerprint
from jasco.recipe import Recipe
from jasco.song.edit import edit_of
from jasco.song.loop import Loop


@dataclass(frozen=True, eq=False)
class Take:
    """Recording, with its recipe where it is a take of Jasco.

    Attributes:
        audio: audio at its own rate, with its own channels.
        recipe: plain recipe; ``None`` for other recordings.
        path: path of the file; ``None`` for audio in memory.
        latents: (T, D) normalised latents that the audio was decoded from, where they are known.
        mark: digital source type that a file without a recipe states.
    """

    audio: Audio
    recipe: Mapping[str, Any] | None = None
    path: str | None = None
    latents: Tensor | None = None
    mark: str | None = None

    @classmethod
    def of(cls, value: Any) -> Take:
        """Take of a path, a `Generation` of one item, or audio of any form that `to_audio` takes.

        Raises:
            AudioError: a file or audio that cannot be read.
            ConditionError, ChordError: a file with a damaged recipe.
            SettingError: a generation of several items.
        """
        if isinstance(value, Take):
            return value
        if isinstance(value, Generation):
            if len(value) != 1:
                raise SettingError(f"the take has {len(value)} items: give one, such as out[0]")
            audio = Audio(value.audio[0], value.sample_rate)
            # Latents of an edit may be those of another level; see `jasco.song.level`.
            same_level = not (value.recipe[0].get("song") or {}).get("gain")
            return cls(audio, value.recipe[0], None, value.latents[0] if same_level else None)
        if isinstance(value, str | PathLike):
            plain = read_recipe(value)
            if plain is not None:
                Recipe.from_dict(plain)
            stated = read_mark(value) if plain is None else None
            mark = None if stated is None else stated[0]
            return cls(load_audio(value), plain, fspath(value), mark=mark)
        return cls(to_audio(value))

    @property
    def duration(self) -> float:
        """Length (s)."""
        return self.audio.duration

    @property
    def fingerprint(self) -> str:
        """Hash of the samples and their rate."""
        return fingerprint([self.audio.samples], self.audio.sample_rate)

    @property
    def _origin(self) -> tuple[Recipe | None, float]:
        """Recipe of the take without its edits, and the length of what these put before it (s)."""
        plain, begin = self.recipe, 0.0
        while plain is not None and (plain.get("song") or {}).get("source"):
            begin += edit_of(plain["song"]).padding[0]
            plain = plain["song"]["source"]["recipe"]
        return None if plain is None else Recipe.from_dict(plain), begin

    @property
    def bars(self) -> tuple[float, ...]:
        """Onset of each bar (s), after what was put before it; empty where they are not known."""
        recipe, begin = self._origin
        chords = None if recipe is None else recipe.conditions.chords
        if (loop := _loop(recipe)) is not None:
            onsets = tuple(loop.bar * number for number in range(loop.bars + 1))
        else:
            onsets = () if chords is None else chords.bars
        return tuple(begin + onset for onset in onsets)

    @property
    def metre(self) -> Metre:
        """Metre of the last whole bar; 4/4 where it is not known."""
        recipe, _ = self._origin
        if (loop := _loop(recipe)) is not None:
            return loop.metre
        chords = None if recipe is None else recipe.conditions.chords
        metres = () if chords is None else chords.metres
        return metres[-2] if len(metres) > 1 else COMMON

    def further_chords(self, duration: float, *, before: bool = False) -> ChordProgression | None:
        """Chords of the take as they go on for ``duration`` (s) after it, or lead to it.

        The last bar is filled up with its last chord, then they repeat. ``None`` where none are
        known.
        """
        plain = self.recipe
        while plain is not None:
            recipe, song = Recipe.from_dict(plain), plain.get("song") or {}
            own = recipe.conditions.chords
            if own is not None and song.get("kind") != "edit":  # chords of a range are no end
                break
            plain = song["source"]["recipe"] if song.get("source") else None
        else:
            return None
        bars = own.bars[-2:]  # the last one may end after the take
        period = max(recipe.duration, 2 * bars[1] - bars[0] if len(bars) == 2 else 0.0)
        looped = replace(own, end=period, loop=True)
        start = -duration % period if before else recipe.duration
        return looped.crop(start, start + duration)

    def padded(self, before: float, after: float) -> Take:
        """Take with silence (s) before and after it."""
        samples = [round(seconds * self.audio.sample_rate) for seconds in (before, after)]
        audio = Audio(F.pad(self.audio.samples, samples), self.audio.sample_rate)
        latents = self.latents
        if latents is not None:
            frames = before * len(latents) / self.duration, after * len(latents) / self.duration
            whole = abs(frames[0] - round(frames[0])) < 1e-3
            latents = F.pad(latents, (0, 0, *map(round, frames))) if whole else None
        return replace(self, audio=audio, latents=latents)

    def frames(self, codec: EnCodec) -> int:
        """Latent frames T; the last one may be partly beyond the end."""
        return -(-round(self.duration * codec.sample_rate) // codec.hop_length)

    def encode(self, codec: EnCodec) -> Tensor:
        """Normalised latents (T, D) on the device of the codec."""
        length = self.frames(codec)
        if self.latents is not None and len(self.latents) == length:
            return self.latents.to(codec.mean.device)
        audio = self.audio.resample(codec.sample_rate)
        (raw,) = encode_windows(codec.encode_raw, [pieces_for(codec, audio)], length, codec)
        return (raw.to(codec.mean.device) - codec.mean) / codec.std


def _loop(recipe: Recipe | None) -> Loop | None:
    """Loop of a recipe of one."""
    song = {} if recipe is None or recipe.song is None else recipe.song
    return Loop.from_plain(song) if song.get("kind") == "loop" else None


def fitted(samples: Tensor, rate: int, channels: int, wanted: int) -> Tensor:
    """Samples (B, C, n) at another rate, in other channels: the mean of their own, in each."""
    if samples.shape[1] != channels:
        samples = samples.mean(dim=1, keepdim=True).expand(-1, channels, -1)
    return torch.stack([Audio(item, rate).resample(wanted).samples for item in samples])
