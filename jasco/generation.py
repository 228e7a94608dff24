"""What generation gives back, and the noise it starts from."""

from __future__ import annotations

import base64
import html
import io
import operator
import secrets
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from jasco.audio import save_audio
from jasco.errors import AudioError, ConditionError, SettingError, shortened
from jasco.io.files import output_file

MAX_ITEMS = 1024
"""Most items of one call of `Jasco.generate`, which run as one batch."""
_PLAYERS = 16  # items that a notebook shows


@dataclass(frozen=True, eq=False)
class Generation:
    """What `Jasco.generate` returns, one item per clip and sample.

    ``out[k]`` is item k as a generation of its own, a slice several; iteration goes over the items.
    A notebook shows a player for each.

    Attributes:
        audio: (B, channels, samples) float32 on the CPU, as decoded (not loudness-normalised).
        latents: (B, T, D) normalised latents, float32 on the CPU.
        sample_rate: of the audio (Hz).
        recipe: per item, all that is needed to make it again, as plain JSON data.
        notes: per item, the changes made to fit the conditions to the model.
    """

    audio: Tensor
    latents: Tensor
    sample_rate: int
    recipe: list[dict[str, Any]]
    notes: list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.recipe)

    def __iter__(self) -> Iterator[Generation]:
        return (self[k] for k in range(len(self)))

    def __getitem__(self, item: int | slice) -> Generation:
        """Item ``item`` counted from 0, or from the end where negative; or those of a slice.

        Raises:
            IndexError: there are fewer items.
        """
        if isinstance(item, slice):
            chosen = range(len(self))[item]
        else:
            chosen = range(range(len(self))[item], range(len(self))[item] + 1)
        places = list(chosen)
        return replace(
            self,
            audio=self.audio[places],
            latents=self.latents[places],
            recipe=[self.recipe[k] for k in places],
            notes=[self.notes[k] for k in places],
        )

    @property
    def report(self) -> list[tuple[str, ...]]:
        """Former name of `notes`."""
        return self.notes

    @property
    def duration(self) -> float:
        """Length of each item (s)."""
        return self.audio.shape[-1] / self.sample_rate

    def save(
        self,
        path: str | PathLike[str],
        *,
        loudness: float | None = -14.0,
        recipe: bool = True,
    ) -> list[Path]:
        """Write each item to a file: ``song.flac``; of several ``song-1.flac``, ``song-2.flac``.

        Args:
            path: its suffix is the format: wav, flac, mp3 or ogg.
            loudness: LUFS (ITU-R BS.1770), ``None`` to leave the level as it is.
            recipe: write the recipe into the file; ``jasco-generate --from`` makes it again.

        Raises:
            AudioError: a place that cannot be written, or another suffix.
            SettingError: a loudness out of range.
        """
        target = output_file(path, AudioError)
        places = [
            target.with_stem(f"{target.stem}-{k}") if len(self) > 1 else target
            for k in range(1, len(self) + 1)
        ]
        level = {"loudness": "none" if loudness is None else loudness}
        for place, samples, plain in zip(places, self.audio, self.recipe, strict=True):
            kept = plain | level if recipe else None
            save_audio(place, samples, self.sample_rate, loudness=loudness, recipe=kept)
        return places

    def _repr_html_(self) -> str:
        """Players for a notebook, at the loudness of `save`."""
        shown = [_player(self[k]) for k in range(min(len(self), _PLAYERS))]
        more = len(self) - len(shown)
        return "".join(shown) + (f"<p>and {more} more</p>" if more else "")


def _player(item: Generation) -> str:
    """HTML of one item: an mp3 that stands in the page itself, and what it is below."""
    sound = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a silent item, whose loudness stays
        save_audio(sound, item.audio[0], item.sample_rate, format="mp3")
    data = base64.b64encode(sound.getvalue()).decode("ascii")
    text = item.recipe[0]["conditions"].get("text", "")
    told = [f"seed {item.recipe[0]['seed']}, {item.duration:.2f} s", text, *item.notes[0]]
    caption = "<br>".join(html.escape(line) for line in told if line)
    return (
        f'<figure><audio controls src="data:audio/mpeg;base64,{data}"></audio>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def item_seeds(seed: Any, clips: int, num_samples: Any) -> list[int]:
    """One seed per item, clip by clip.

    Args:
        seed: an int for all clips, one for each, or ``None`` to draw them.
        clips: their number.
        num_samples: items of each clip, at most `MAX_ITEMS` in all.

    Raises:
        SettingError: a number that is not whole or out of range.
        ConditionError: another number of seeds than of clips.
    """
    samples = _whole(num_samples)
    if samples is None or not 1 <= samples * clips <= MAX_ITEMS:
        raise SettingError(
            f"num_samples={shortened(num_samples)}: give a whole number of at least 1; clips times "
            f"samples are at most {MAX_ITEMS} in one call"
        )
    if seed is None:
        seeds: list[int | None] = [secrets.randbelow(2**31) for _ in range(clips)]
    elif isinstance(seed, Iterable) and not isinstance(seed, str | bytes | Mapping):
        given = list(seed) if not isinstance(seed, Tensor) else seed.tolist()
        seeds = [_whole(value) for value in given] if isinstance(given, list) else [_whole(given)]
    else:
        seeds = [_whole(seed)] * clips
    if any(value is None or not 0 <= value < MAX_SEED for value in seeds):
        raise SettingError(f"seed {shortened(seed)}: seeds are whole numbers from 0 to 2^62")
    if len(seeds) != clips:
        raise ConditionError(f"{len(seeds)} seeds for {clips} clips: give one, or one per clip")
    return [value + j for value in seeds if value is not None for j in range(samples)]


MAX_SEED = 2**62


def _whole(value: Any) -> int | None:
    """A whole number of any type, ``None`` if it is none."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def frames_of(duration: Any, longest: float, frame_rate: float) -> int:
    """Latent frames of a clip.

    Args:
        duration: length (s), ``None`` for the longest.
        longest: of the clips that the model was made for (s).
        frame_rate: Hz.

    Raises:
        SettingError: no number, less than a frame, or more than the longest.
    """
    seconds = longest if duration is None else duration
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        raise SettingError(f"duration is {shortened(seconds)}: give a number of seconds")
    # A number of many digits is compared before it is made a float.
    fits = seconds > 0 and seconds <= longest  # type: ignore[operator]
    frames = round(float(seconds) * frame_rate) if fits else 0
    if frames < 1:
        raise SettingError(
            f"duration {shortened(seconds)} s: this model makes up to {longest:g} s, at least one "
            f"frame of {1 / frame_rate:g} s"
        )
    return frames


def draw_noise(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Standard normal noise, each item from a generator of its own."""
    return torch.stack(
        [torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )


def check_noise(noise: Any, shape: tuple[int, ...]) -> Tensor:
    """The caller's noise as float32, if it is finite and of this shape.

    Raises:
        ConditionError: another shape, or no finite numbers.
    """
    try:
        given = torch.as_tensor(noise).float()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConditionError(
            f"noise is {shortened(noise)}: give finite noise of shape {shape}"
        ) from error
    if tuple(given.shape) != shape or not bool(given.isfinite().all()):
        raise ConditionError(
            f"noise of shape {tuple(given.shape)}: give finite noise of shape {shape}"
        )
    return given


def report_to(bar: tqdm, callback: Callable[[int, int], None] | None) -> Callable[[int, int], None]:
    """Solver callback that moves the bar, then calls the user's.

    Raises:
        SettingError: the user's is no function.
    """
    if callback is not None and not callable(callback):
        raise SettingError(f"callback is {shortened(callback)}: give a function (step, total)")

    def report(step: int, total: int) -> None:
        bar.total = total
        bar.update(step - bar.n)
        if callback is not None:
            callback(step, total)

    return report
