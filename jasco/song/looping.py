"""Loops: songs on a circle, whose end goes over into their beginning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from jasco.audio.loops import LoopPoints
from jasco.chords.numerals import Key
from jasco.codec import EnCodec
from jasco.conditions import Conditions
from jasco.device import to_device
from jasco.errors import SettingError
from jasco.generation import Generation, draw_noise, report_to
from jasco.song.curves import guidance_over
from jasco.song.integration import WINDOW_BATCH
from jasco.song.loop import Loop
from jasco.song.sampling import Sampling
from jasco.song.windows import Windows


def frames_of_loop(loop: Loop, codec: EnCodec) -> int:
    """Latent frames of a loop: the nearest whole number to its length."""
    return max(round(loop.duration * codec.frame_rate), 1)


@torch.no_grad()
def generate_loop(
    model: Any,
    clip: Conditions,
    loop: Loop,
    *,
    progress: bool = False,
    callback: Callable[[int, int], None] | None = None,
    window_batch: int = WINDOW_BATCH,
    **settings: Any,
) -> Generation:
    """Generate a loop; see `jasco.model.Jasco.loop`, and `Sampling.of` for the settings."""
    sampling = Sampling.of(model, 1, **settings)
    seeds = sampling.seeds
    frames = frames_of_loop(loop, model.codec)
    notes = clip.notes(frames, model.frame_rate)
    clip = model.with_codes(repeated(clip, loop), frames)
    bars = [loop.bar * index for index in range(loop.bars)]
    over = guidance_over(sampling.guidance, frames, model.frame_rate, bars, loop=True)
    encoded = model.encode([clip], frames).select([0] * len(seeds))
    z_0 = to_device(draw_noise(seeds, (frames, model.codec.latent_dim)), model.device)
    with sampling.bar(progress) as bar:
        latents = sampling.integrate(
            z_0,
            encoded,
            [Windows.circle(frames, model.num_frames())] * len(seeds),
            guidance=[over] * len(seeds),
            report=report_to(bar, callback),
            window_batch=window_batch,
        )
    audio = model.codec.decode(latents, loop=True).float().cpu()
    audio = periodic(audio, round(loop.duration * model.sample_rate))
    return Generation(
        audio=audio,
        latents=latents.cpu(),
        sample_rate=model.sample_rate,
        recipe=[sampling.recipe(one, clip, frames, song=loop.to_plain()) for one in seeds],
        notes=[notes] * len(seeds),
        loop=points_of(loop),
    )


def points_of(loop: Loop) -> LoopPoints:
    """Facts of a loop for samplers."""
    beats, bpm = loop.beats
    root = None if loop.key is None else Key.parse(loop.key).tonic
    return LoopPoints(beats, bpm, (loop.metre.beats, loop.metre.unit), root)


def repeated(clip: Conditions, loop: Loop) -> Conditions:
    """Conditions whose chords repeat to the end of a loop in place of being held."""
    chords = clip.chords
    if chords is None or chords.loop or not chords.end or chords.end >= loop.duration:
        return clip
    return replace(clip, chords=replace(chords, loop=True))


def loop_of(clip: Conditions, bars: int, key: str | None) -> Loop:
    """Loop at the tempo of the chords, in bars of 4/4.

    Raises:
        SettingError: the chords have no bars.
    """
    onsets = () if clip.chords is None else clip.chords.bars
    length = None if clip.chords is None or not onsets else clip.chords.end
    if length is None:
        raise SettingError("a loop needs a tempo: give bpm, or chords in bars")
    return Loop(bars, (length - onsets[0]) / len(onsets), key=key)


def periodic(samples: Tensor, length: int) -> Tensor:
    """Periodic signal (..., n) resampled to ``length`` samples: its Fourier series, cut off."""
    if samples.shape[-1] == length:
        return samples
    spectrum = torch.fft.rfft(samples.double())
    scaled = torch.fft.irfft(spectrum, n=length) * (length / samples.shape[-1])
    return scaled.float()
