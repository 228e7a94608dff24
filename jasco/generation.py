"""Result of generation, and its seeds, noise and length."""

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
from typing import Any, Literal

import torch
from torch import Tensor
from tqdm import tqdm

from jasco.audio import Audio, normalize_loudness, save_audio
from jasco.audio.credentials import Credential
from jasco.audio.loops import LoopPoints, normalize_loop
from jasco.audio.marks import source_type
from jasco.charts import Chart
from jasco.control_value import MAX_DURATION, MAX_FRAMES
from jasco.errors import AudioError, ConditionError, SettingError, shortened
from jasco.io.files import output_file

MAX_ITEMS = 1024
"""Most items of one call of `Jasco.generate`, which is one batch."""
LOUDNESS = -14.0
"""Loudness of files by default (LUFS)."""
_PLAYERS = 16  # most items shown in a notebook


@dataclass(frozen=True, eq=False)
class Generation:
    """Result of `Jasco.generate`, one item per clip and sample.

    ``out[k]`` is item k as a `Generation`, a slice selects several; iteration yields the items.
    Notebooks show a player for each.

    Attributes:
        audio: (B, channels, samples) float32 on the CPU, as decoded (not loudness-normalised).
        latents: (B, T, D) normalised latents, float32 on the CPU.
        sample_rate: sample rate of the audio (Hz).
        recipe: per item, all that is needed to make it again, as plain JSON data.
        notes: per item, changes that fitted the conditions to the model.
        loudness: target (LUFS) of `save` by default; ``None`` for edits, which keep the level.
        loop: facts of a loop for samplers, which `save` writes into wav files.
        frames: latent frames of each item, where they differ: shorter ones are padded with zeros,
            and an item that is taken out is not. ``None`` where all are as long.
    """

    audio: Tensor
    latents: Tensor
    sample_rate: int
    recipe: list[dict[str, Any]]
    notes: list[tuple[str, ...]]
    loudness: float | None = LOUDNESS
    loop: LoopPoints | None = None
    frames: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.recipe)

    def __iter__(self) -> Iterator[Generation]:
        return (self[k] for k in range(len(self)))

    def __getitem__(self, item: int | slice) -> Generation:
        """Item at an index, from the end where negative, or items of a slice.

        Raises:
            IndexError: there are fewer items.
        """
        if isinstance(item, slice):
            chosen = range(len(self))[item]
        else:
            chosen = range(range(len(self))[item], range(len(self))[item] + 1)
        indices = list(chosen)
        audio, latents, frames = self.audio[indices], self.latents[indices], None
        if self.frames is not None and indices:
            frames = tuple(self.frames[k] for k in indices)
            samples = max(frames) * audio.shape[-1] // latents.shape[1]
            audio, latents = audio[..., :samples], latents[:, : max(frames)]
        return replace(
            self,
            audio=audio,
            latents=latents,
            frames=frames if len(set(frames or ())) > 1 else None,
            recipe=[self.recipe[k] for k in indices],
            notes=[self.notes[k] for k in indices],
        )

    @property
    def report(self) -> list[tuple[str, ...]]:
        """Former name of `notes`."""
        return self.notes

    @property
    def duration(self) -> float:
        """Length of each item, or of the longest (s)."""
        return self.audio.shape[-1] / self.sample_rate

    def save(
        self,
        path: str | PathLike[str],
        *,
        loudness: float | Literal["default"] | None = "default",
        recipe: bool = True,
        mark: bool = True,
        credential: Credential | None = None,
    ) -> list[Path]:
        """Write each item to a file: ``song.flac``; several as ``song-1.flac``, ``song-2.flac``.

        Args:
            path: path of the file, whose suffix is the format: wav, flac, mp3 or ogg.
            loudness: target (LUFS, ITU-R BS.1770); ``None`` keeps the level, which is the default
                for an edit. Others have -14.
            recipe: write the recipe into the file, for ``jasco-generate --from``.
            mark: state in the file that it is generated, see `jasco.audio.marks`.
            credential: certificate that signs a C2PA manifest, see `jasco.audio.credentials`.

        Raises:
            AudioError: a path that cannot be written, or another suffix.
            SettingError: a loudness out of range.
        """
        target = output_file(path, AudioError)
        paths = [
            target.with_stem(f"{target.stem}-{k}") if len(self) > 1 else target
            for k in range(1, len(self) + 1)
        ]
        loudness = self.loudness if loudness == "default" else loudness
        level = {"loudness": "none" if loudness is None else loudness}
        for file, item, plain in zip(paths, self, self.recipe, strict=True):
            kept = plain | level if recipe else None
            save_audio(
                file,
                item.audio[0],
                self.sample_rate,
                loudness=loudness,
                recipe=kept,
                loop=self.loop,
                mark=mark and source_type(plain),
                credential=credential,
                tags=None if self.loop is None else self.loop.tags,
            )
        return paths

    def save_session(
        self,
        path: str | PathLike[str],
        *,
        chart: Chart | None = None,
        bpm: float | None = None,
        time_signature: str | None = None,
        key: str | None = None,
        stems: Mapping[str, Audio] | None = None,
        loudness: float | Literal["default"] | None = "default",
        recipe: bool = True,
        mark: bool = True,
    ) -> Path:
        """Write an item with its bars, tempo, chords and notes for other music programs.

        Args:
            path: folder for all formats, or a file ``.dawproject`` or ``.rpp``; see
                `jasco.session.save`.
            chart: chart that the item plays from its beginning on.
            bpm, time_signature, key: tempo, metre and key of the chords; by default the bars in the
                recipe give the tempo, in 4/4.
            stems: name -> separated audio of the item, at its level.
            loudness, recipe, mark: as in `save`.

        Raises:
            SettingError: several items, another suffix, a folder that holds files, or a place that
                cannot be written.
            ChordError: a tempo, metre or key that cannot be read.
        """
        from jasco.session.build import make_session
        from jasco.session.paths import check_session
        from jasco.session.save import save_session

        if len(self) != 1:
            raise SettingError(f"{len(self)} items are several sessions: give one, such as out[0]")
        check_session(path)
        level = self.loudness if loudness == "default" else loudness
        audio = Audio(self.audio[0], self.sample_rate)
        if level is not None:
            audio = (normalize_loudness if self.loop is None else normalize_loop)(audio, level)
        session = make_session(
            audio,
            self.recipe[0] | {"loudness": "none" if level is None else level},
            title=Path(path).stem,
            chart=chart,
            bpm=bpm,
            time_signature=time_signature,
            key=key,
            stems=stems,
            keep_recipe=recipe,
            mark=mark,
        )
        return save_session(session, path)

    def _repr_html_(self) -> str:
        """Players for a notebook, at the loudness of `save`."""
        shown = [_player(self[k]) for k in range(min(len(self), _PLAYERS))]
        more = len(self) - len(shown)
        return "".join(shown) + (f"<p>and {more} more</p>" if more else "")


def _player(item: Generation) -> str:
    """HTML of one item: an embedded mp3 with a caption."""
    sound = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a silent item has no loudness
        save_audio(sound, item.audio[0], item.sample_rate, format="mp3", mark=True)
    data = base64.b64encode(sound.getvalue()).decode("ascii")
    text = item.recipe[0]["conditions"].get("text", "")
    lines = [f"seed {item.recipe[0]['seed']}, {item.duration:.2f} s", text, *item.notes[0]]
    caption = "<br>".join(html.escape(line) for line in lines if line)
    return (
        f'<figure><audio controls src="data:audio/mpeg;base64,{data}"></audio>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def item_seeds(seed: Any, clips: int, num_samples: Any) -> list[int]:
    """Seeds of all items, ordered by clip.

    Args:
        seed: an int for all clips, one for each, or ``None`` to draw them.
        clips: number of clips.
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
    """Whole number of any integer type; ``None`` for other values."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def frames_of(duration: Any, default: float, frame_rate: float) -> int:
    """Number of latent frames of a clip or a song.

    Args:
        duration: length (s); ``None`` for the default.
        default: segment duration of the model (s).
        frame_rate: latent frame rate (Hz).

    Raises:
        SettingError: no number, less than a frame, or more than `MAX_DURATION`.
    """
    seconds = default if duration is None else duration
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        raise SettingError(f"duration is {shortened(seconds)}: give a number of seconds")
    # Comparison comes first: an int of many digits cannot become a float.
    longest = min(MAX_DURATION, MAX_FRAMES / frame_rate)
    fits = seconds > 0 and seconds <= longest  # type: ignore[operator]
    frames = round(float(seconds) * frame_rate) if fits else 0
    if frames < 1:
        raise SettingError(
            f"duration {shortened(seconds)} s: songs last up to {longest:g} s, and at least one "
            f"frame of {1 / frame_rate:g} s"
        )
    return frames


class NoiseSource:
    """Source of standard normal noise, with one generator per item."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(self, shape: Sequence[int]) -> Tensor:
        """Next noise (B, *shape)."""
        return torch.stack([torch.randn(*shape, generator=one) for one in self._generators])


def draw_noise(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """First noise (B, *shape) of `NoiseSource`."""
    return NoiseSource(seeds).draw(shape)


def check_noise(noise: Any, shape: tuple[int, ...]) -> Tensor:
    """Noise of the caller as float32.

    Raises:
        ConditionError: another shape, or values that are not finite.
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
    """Solver callback that updates the progress bar and calls the user's callback.

    Raises:
        SettingError: the user's callback is no function.
    """
    if callback is not None and not callable(callback):
        raise SettingError(f"callback is {shortened(callback)}: give a function (step, total)")

    def report(step: int, total: int) -> None:
        bar.total = total
        bar.update(step - bar.n)
        if callback is not None:
            callback(step, total)

    return report
