"""Generation of clips, and of songs whose windows are blended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from jasco.conditions import ConditionBatch, Conditions
from jasco.device import to_device
from jasco.errors import SettingError
from jasco.flow import Guidance, Solver
from jasco.generation import Generation, check_noise, draw_noise, report_to
from jasco.song.integration import WINDOW_BATCH
from jasco.song.prepared import GivenDuration, Prepared
from jasco.song.sampling import Sampling
from jasco.song.sections import plain_sections
from jasco.song.texts import with_sections
from jasco.song.windows import windows_of

GivenGuidance = Guidance | float | Mapping[str, float | str] | str | Sequence[Guidance] | None


class Settings(TypedDict, total=False):
    """Settings of `jasco.model.Jasco.generate`."""

    seed: int | Sequence[int] | None
    solver: Solver | str | None
    steps: int | None
    guidance: GivenGuidance
    num_samples: int
    duration: GivenDuration
    progress: bool
    callback: Callable[[int, int], None] | None
    noise: Tensor | None
    encoded: ConditionBatch | None
    window_batch: int
    sections: Sequence[Any] | None


@torch.no_grad()
def generate_clips(
    model: Any,
    clips: Sequence[Conditions],
    *,
    duration: GivenDuration = None,
    sections: Sequence[Any] | None = None,
    noise: Tensor | None = None,
    encoded: ConditionBatch | None = None,
    progress: bool = False,
    callback: Callable[[int, int], None] | None = None,
    window_batch: int = WINDOW_BATCH,
    guidance: GivenGuidance = None,
    **settings: Any,
) -> Generation:
    """Generate clips as one batch.

    See `jasco.model.Jasco.generate`, and `Sampling.of` for the settings.
    """
    several = _several(guidance, len(clips))
    settings["guidance"] = several[0] if several else guidance
    sampling = Sampling.of(model, len(clips), **settings)
    each = several or [sampling.guidance] * len(clips)
    made = Prepared.of(model, clips, each, duration, sections, encoded)
    seeds, parts = sampling.seeds, made.sections
    item_of = [item for item in range(len(clips)) for _ in range(len(seeds) // len(clips))]
    lengths, dim = [made.frames[item] for item in item_of], model.codec.latent_dim
    alike = len(set(lengths)) == 1
    if noise is None:
        own = zip(seeds, lengths, strict=True)
        z_0 = pad_sequence([draw_noise([seed], (T, dim))[0] for seed, T in own], batch_first=True)
    else:
        z_0 = check_noise(noise, (len(seeds), max(lengths), dim))
    songs, texts = [made.clips[item] for item in item_of], None
    of_songs, size, rate = zip(songs, lengths, strict=True), model.num_frames(), model.frame_rate
    windows = [windows_of(song, length, size, rate) for song, length in of_songs]
    if sections is not None:
        windows, texts = with_sections(model, songs, windows, [parts[item] for item in item_of])
    with sampling.bar(progress) as bar:
        latents = sampling.integrate(
            to_device(z_0, model.device),
            made.encoded.select(item_of),
            windows,
            guidance=[made.guidance[item] for item in item_of],
            report=report_to(bar, callback),
            window_batch=window_batch if alike else max(window_batch, len(seeds)),
            texts=texts,
        )
    if alike:
        audio = model.codec.decode(latents)
    else:
        of_items = zip(latents, lengths, strict=True)
        decoded = [model.codec.decode(own[None, :length])[0].mT for own, length in of_items]
        audio = pad_sequence(decoded, batch_first=True).mT
    return Generation(
        audio=audio.float().cpu(),
        latents=latents.cpu(),
        sample_rate=model.sample_rate,
        frames=None if alike else tuple(lengths),
        recipe=[
            sampling.recipe(
                seeds[k] if noise is None else None,
                made.clips[item],
                lengths[k],
                guidance=each[item],
                song=plain_sections(parts[item]) if parts[item] else None,
            )
            for k, item in enumerate(item_of)
        ],
        notes=[made.notes[item] for item in item_of],
    )


def _several(guidance: Any, clips: int) -> list[Guidance]:
    """Guidance of each clip; none where one value is given for all.

    Raises:
        SettingError: fewer or more than clips.
    """
    several = isinstance(guidance, list | tuple) and bool(guidance)
    if not several or not all(isinstance(own, Guidance) for own in guidance):
        return []
    if len(guidance) != clips:
        raise SettingError(
            f"guidance has {len(guidance)} values for {clips} clips: give one, or one per clip"
        )
    return list(guidance)
