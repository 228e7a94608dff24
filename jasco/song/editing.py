"""Edits of takes: ranges that are generated anew, continuations and variations.

Time in new conditions begins with each range. Outside the ranges the model gets the conditions of
the take, where its recipe says them, and the latents of the take; only the ranges and a cross-fade
before and after them have new samples, all others are copied. The model gets a take at the level
of its own takes; see `jasco.song.level`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.conditions import ConditionBatch, Conditions
from jasco.device import to_device
from jasco.errors import SettingError
from jasco.flow import Guidance
from jasco.generation import Generation, NoiseSource, report_to
from jasco.recipe import Recipe
from jasco.song.curves import cut, guidance_over
from jasco.song.edit import Edit, edit_of
from jasco.song.inpainting import Inpainting
from jasco.song.integration import WINDOW_BATCH, part_of_run
from jasco.song.level import level_gain, restored, with_gain
from jasco.song.ranges import checked_ranges
from jasco.song.sampling import Sampling
from jasco.song.take import Take, fitted
from jasco.song.texts import TakeTexts
from jasco.song.windows import Windows


@torch.no_grad()
def regenerate(
    model: Any,
    take: Take,
    clip: Conditions,
    edit: Edit,
    *,
    progress: bool = False,
    callback: Callable[[int, int], None] | None = None,
    window_batch: int = WINDOW_BATCH,
    **settings: Any,
) -> Generation:
    """Generate the ranges of a take anew.

    See `jasco.model.Jasco.edit`, `Sampling.of` for the settings, and `with_further_chords` for the
    conditions of a continuation.
    """
    sampling = Sampling.of(model, 1, **settings)
    seeds = sampling.seeds
    noise = NoiseSource(seeds)
    whole = take.padded(*edit.padding)
    ranges = checked_ranges(edit.ranges, whole.duration)
    frames, rate = whole.frames(model.codec), model.frame_rate
    spans = [_frames(start, stop, rate, frames) for start, stop in ranges]
    over = guidance_over(sampling.guidance, frames, rate, whole_bars(take, edit))
    new_frames = max(stop - first for first, stop in spans)
    clip = model.with_codes(clip, new_frames)
    old = take_conditions(model, whole, edit.padding[0], frames)
    conditions = pasted(model, old, clip, edit, spans)
    texts = TakeTexts.of(model, take, clip, edit)
    z_0 = to_device(noise.draw((frames, model.codec.latent_dim)), model.device)
    gain = 0.0
    if take.latents is None:
        known = conditions if take.recipe is None else old
        gain = _gain(sampling, take, edit.padding[0], spans[0], known, z_0[:1], over, texts)
    z_1 = with_gain(whole, gain).encode(model.codec).expand(len(seeds), -1, -1).clone()
    audio = whole.audio.samples.expand(len(seeds), -1, -1).clone()

    items = [0] * len(seeds)
    with sampling.bar(progress) as bar:
        report = report_to(bar, callback)
        for number, ((start, stop), (first, last)) in enumerate(zip(ranges, spans, strict=True)):
            part = _with_context(first, last, model.num_frames(), frames)
            kept = torch.ones(len(part), dtype=torch.bool, device=model.device)
            kept[first - part.start : last - part.start] = False
            here = slice(part.start, part.stop)
            shape = (len(part), model.codec.latent_dim)
            inpainting = Inpainting(
                sampling.solver,
                z_1[:, here],
                kept,
                partial(_draw, noise, shape, model.device),
                edit.strength,
                edit.jump_n_sample,
                edit.jump_length,
            )
            z_1[:, here] = sampling.integrate(
                z_0[:, here],
                conditions.at(
                    items, torch.arange(part.start, part.stop, device=model.device)[None]
                ),
                [_windows(model, part, texts)] * len(seeds),
                solver=inpainting,
                guidance=[cut(over, here)] * len(seeds),
                report=part_of_run(report, number, len(ranges)),
                window_batch=window_batch,
                texts=None if texts is None else texts.encoded,
            )
            decoded = model.codec.decode(z_1[:, here]).float().cpu()
            new = fitted(decoded, model.sample_rate, audio.shape[1], whole.audio.sample_rate)
            new = restored(new, whole.audio.sample_rate, gain)
            place = round(part.start / rate * whole.audio.sample_rate)
            _splice(audio, new, place, start, stop, whole.audio.sample_rate, edit.crossfade)
    longest = max(stop - start for start, stop in ranges)
    song = plain_edit(edit, take) | {"gain": gain}
    return Generation(
        audio=audio,
        latents=z_1.cpu(),
        sample_rate=whole.audio.sample_rate,
        recipe=[
            sampling.recipe(one, clip, new_frames, duration=longest, song=song) for one in seeds
        ],
        notes=[clip.notes(new_frames, rate)] * len(seeds),
        loudness=None,
    )


def _gain(
    sampling: Sampling,
    take: Take,
    offset: float,
    span: tuple[int, int],
    conditions: ConditionBatch,
    z_0: Tensor,
    guidance: Guidance,
    texts: TakeTexts | None,
) -> float:
    """Gain (dB) from the part of a take nearest to a range to what the model plays for it.

    Args:
        sampling: settings.
        take: take.
        offset: seconds that are put before it.
        span: frames of the range in the padded take.
        conditions: encoded conditions of the padded take; those of the range stand for them where
            the take has none.
        z_0: noise (1, T, D).
        guidance: guidance over the padded take.
        texts: texts of the sections of the take.
    """
    model = sampling.model
    rate, total = model.frame_rate, z_0.shape[1]
    size = min(span[1] - span[0], model.num_frames(), take.frames(model.codec))
    start = max(min(span[0] / rate - offset, take.duration - size / rate), 0.0)
    known = take.recipe is not None
    first = min(round((start + offset) * rate), total - size) if known else span[0]
    here = torch.arange(first, first + size, device=model.device)[None]
    latents = sampling.integrate(
        z_0[:, first : first + size],
        conditions.at([0], here),
        [_windows(model, range(first, first + size), texts)],
        guidance=[cut(guidance, slice(first, first + size))],
        texts=None if texts is None else texts.encoded,
    )
    played = Audio(model.codec.decode(latents)[0].float().cpu(), model.sample_rate)
    return level_gain(take.audio.crop(start, size / rate), played)


def _windows(model: Any, part: range, texts: TakeTexts | None) -> Windows:
    """Windows of some frames of a take."""
    windows = Windows.line(len(part), model.num_frames())
    return windows if texts is None else texts.on(windows, part.start)


def _draw(noise: NoiseSource, shape: tuple[int, int], device: torch.device) -> Tensor:
    return to_device(noise.draw(shape), device)


def whole_bars(take: Take, edit: Edit) -> list[float]:
    """Onset of each bar (s) that is known, after what an edit puts before the take."""
    return [edit.padding[0] + bar for bar in take.bars]


def plain_edit(edit: Edit, take: Take) -> dict[str, Any]:
    """Plain data of an edit, with its source by content hash."""
    plain = {name: getattr(edit, name) for name in Edit.__dataclass_fields__}
    plain["ranges"] = [list(pair) for pair in edit.ranges]
    plain["padding"] = list(edit.padding)
    plain["keep"] = None if edit.keep is None else list(edit.keep)
    source = {"path": take.path, "fingerprint": take.fingerprint, "recipe": take.recipe}
    stated = {} if take.mark is None else {"mark": take.mark}
    return plain | {"source": source | stated}


def with_further_chords(
    clip: Conditions, take: Take, edit: Edit, controls: Sequence[str]
) -> Conditions:
    """Conditions of a continuation, by default with the chords of its take as they go on."""
    open_ = edit.kind == "continue" and edit.keep is None and clip.chords is None
    if not open_ or "chords" not in controls:
        return clip
    return replace(clip, chords=take.further_chords(edit.longest, before=edit.padding[0] > 0))


def take_conditions(model: Any, take: Take, offset: float, frames: int) -> ConditionBatch:
    """Encoded conditions of a take, one item of ``frames``, that begin ``offset`` (s) into it.

    Conditions of a take that is itself an edit are those of its source with the new ones pasted in.
    """
    null = model.encode([Conditions()], frames)
    if take.recipe is None:
        return null
    recipe = Recipe.from_dict(take.recipe)
    first = round(offset * model.frame_rate)
    if recipe.song is None or recipe.song.get("source") is None:
        length = round(recipe.duration * model.frame_rate)
        clip = _with_controls(recipe.conditions, model.controls)
        own = model.encode([clip], length)
        return _paste(null, own, [(first, min(first + length, frames))], model.controls)
    edit = edit_of(recipe.song)
    source = replace(take, recipe=recipe.song["source"]["recipe"])
    old = take_conditions(model, source, offset + edit.padding[0], frames)
    spans = [
        _frames(start + offset, stop + offset, model.frame_rate, frames)
        for start, stop in edit.ranges
    ]
    return pasted(model, old, _with_controls(recipe.conditions, model.controls), edit, spans)


def pasted(
    model: Any,
    old: ConditionBatch,
    clip: Conditions,
    edit: Edit,
    spans: Sequence[tuple[int, int]],
) -> ConditionBatch:
    """Encoded conditions of a take with those of a clip in its spans of frames."""
    new = model.encode([clip], max(stop - first for first, stop in spans))
    given = set(clip.asked)
    if edit.keep is not None and (both := given & set(edit.keep)):
        raise SettingError(f"{', '.join(sorted(both))} is both given and kept: leave one out")
    kept = set(model.controls) if edit.keep is None else set(edit.keep)
    return _paste(
        old, new, spans, [name for name in model.controls if name in given or name not in kept]
    )


def _paste(
    old: ConditionBatch, new: ConditionBatch, spans: Sequence[tuple[int, int]], names: Sequence[str]
) -> ConditionBatch:
    """Controls of these names from ``new``, from its first frame on in each span."""
    controls, given = dict(old.controls), old.given[0].union(new.given[0])
    for name in names:
        own, other = controls[name], new.controls[name]
        if own.mask is not None or own.values.shape[1] == 1:
            controls[name] = other
            continue
        values = own.values.clone()
        for first, stop in spans:
            # A take that was cut since may end before a span.
            values[:, first:stop] = other.values[:, : max(stop - first, 0)]
        controls[name] = replace(own, values=values)
    return ConditionBatch(controls, (given,))


def _with_controls(clip: Conditions, names: Sequence[str]) -> Conditions:
    """Conditions of a recipe without the controls that a model lacks."""
    return clip.without(*(name for name in clip.asked if name not in names))


def _frames(start: float, stop: float, rate: float, total: int) -> tuple[int, int]:
    """Frames that a range touches."""
    first = min(int(start * rate + 1e-6), total - 1)
    return first, min(max(-int(-(stop * rate - 1e-6) // 1), first + 1), total)


def _with_context(first: int, last: int, size: int, total: int) -> range:
    """Frames of a range with context: a window where the range is short, else a quarter each."""
    context = max((size - (last - first) + 1) // 2, size // 4)
    start = max(min(first - context, total - size), 0) if total > size else 0
    return range(start, min(max(last + context, start + size), total))


def _splice(
    audio: Tensor, new: Tensor, place: int, start: float, stop: float, rate: int, crossfade: float
) -> None:
    """Put new samples (B, C, n), which begin at ``place``, into a range (s) of audio (B, C, N)."""
    first, last, total = round(start * rate), round(stop * rate), audio.shape[-1]
    fade = round(crossfade * rate)
    before, after = min(fade, first - place, first), min(fade, total - last)
    after = min(after, place + new.shape[-1] - last)
    weights = torch.ones(before + last - first + max(after, 0))
    ramp = torch.sin(torch.pi / 2 * (torch.arange(before) + 0.5) / max(before, 1)) ** 2
    weights[:before] = ramp
    if after > 0:
        falling = torch.sin(torch.pi / 2 * (torch.arange(after) + 0.5) / after) ** 2
        weights[-after:] = falling.flip(0)
    span = slice(first - before, first - before + len(weights))
    part = new[..., span.start - place : span.stop - place]
    old = audio[..., span]
    size = min(part.shape[-1], old.shape[-1])
    old, part, weights = old[..., :size], part[..., :size], weights[:size]
    audio[..., span.start : span.start + size] = torch.lerp(old, part, weights)
