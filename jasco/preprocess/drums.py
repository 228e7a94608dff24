"""Drums out of a song, by a separation network."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from jasco.audio import Audio, Phase
from jasco.precision import resolve_device, resolve_dtype
from jasco.preprocess.demucs import DrumNetwork, load_drum_network

OVERLAP = 0.25
"""Part of a segment that it shares with the next one."""


def separate_drums(
    audio: Audio,
    *,
    model: str | os.PathLike[str] | None = None,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "float32",
    progress: bool = True,
) -> Audio:
    """Take the drums out of a recording.

    The same input gives the same output: Demucs' random shifts are not used. For many recordings
    make one `DrumSeparator`.

    Args:
        audio: any rate. One channel gives one, two give two; more are mixed down to one first.
        model: name, folder or file of a separator; see `jasco.preprocess.demucs.load_drum_network`.
        device: ``"auto"`` for the fastest of this machine.
        dtype: of matrix products, ``"float32"``, ``"bfloat16"`` or ``"auto"``.
        progress: show a bar where it takes more than two seconds.

    Returns:
        The drums at the rate of the separator (44.1 kHz), as long as the recording.

    Raises:
        MissingPartError: demucs is not installed, or its weights are not here and out of reach.
        CheckpointError: ``model`` is a file or folder that holds no separator.
        SettingError: an unknown device or format.
    """
    return DrumSeparator(load_drum_network(model), device=device, dtype=dtype)(
        audio, progress=progress
    )


class DrumSeparator:
    """A separation network run over recordings of any length, segment by segment.

    Args:
        network: from `load_drum_network`.
        device: see `separate_drums`.
        dtype: likewise.
    """

    def __init__(
        self,
        network: DrumNetwork,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "float32",
    ) -> None:
        self.device = resolve_device(device)
        self.dtype = resolve_dtype(dtype, self.device)
        self.network = network.to(self.device).eval()
        self.sample_rate = network.sample_rate
        # The truncation of Demucs: its networks take exactly so many samples.
        self.window = int(network.segment * network.sample_rate)
        self.stride = int((1 - OVERLAP) * self.window)

    def __call__(self, audio: Audio, *, progress: bool = False) -> Audio:
        """Separate a whole recording; see `separate_drums`."""
        drums = torch.empty(self._channels(audio), self._length(audio))
        place = 0
        for piece in self.stream(audio, progress=progress):
            drums[:, place : place + piece.shape[1]] = piece
            place += piece.shape[1]
        return Audio(drums, self.sample_rate)

    def stream(self, audio: Audio, *, progress: bool = False) -> Iterator[Tensor]:
        """Separate a recording and give the drums piece by piece, as they are done.

        Beside the recording itself, memory holds one segment at a time.

        Yields:
            (channels, samples) float32 on the CPU; the pieces follow each other without gaps.
        """
        centre, scale = _centre_and_scale(audio)
        channels, length = self._channels(audio), self._length(audio)
        mix = audio if len(audio.samples) == channels else audio.mono()
        rise = torch.arange(1, self.window // 2 + 1)
        fall = torch.arange(self.window - self.window // 2, 0, -1)
        fade = torch.cat([rise, fall]) / fall[0]
        # What overlapping segments have added up to so far, and the sum of their weights.
        drums, weight = torch.zeros(channels, self.window), torch.zeros(self.window)
        seconds = round(length / self.sample_rate, 2)
        with tqdm(total=seconds, desc="drums", unit="s", delay=2, disable=not progress) as bar:
            for start in range(0, length, self.stride):
                size = min(self.window, length - start)
                # A segment that is cut short by the end stands in the middle of its window.
                margin = (self.window - size) // 2
                window = self._window(mix, start - margin, centre, scale)
                found = self._separate(window)[:, margin : margin + size] * scale + centre
                drums[:, :size] += fade[:size] * found
                weight[:size] += fade[:size]
                done = min(self.stride, size)
                yield drums[:, :done] / weight[:done]
                drums, weight = pad(drums[:, done:], (0, done)), pad(weight[done:], (0, done))
                bar.update(round(done / self.sample_rate, 2))

    def _channels(self, audio: Audio) -> int:
        channels = len(audio.samples)
        return channels if channels <= self.network.channels else 1

    def _length(self, audio: Audio) -> int:
        return max(round(audio.samples.shape[1] * self.sample_rate / audio.sample_rate), 1)

    @torch.inference_mode()
    def _separate(self, window: Tensor) -> Tensor:
        """Drums of one window, (channels, window) float32 on the CPU."""
        stereo = window.expand(self.network.channels, -1)
        enabled = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=enabled):
            drums = self.network(stereo[None].to(self.device))[0]
        drums = drums.float().cpu()
        return drums if len(window) == len(drums) else drums.mean(dim=0, keepdim=True)

    def _window(self, audio: Audio, start: int, centre: float, scale: float) -> Tensor:
        """A window at the rate of the network, standardised, zero outside, (channels, window).

        It is cut out at whole seconds, where samples of both rates coincide, with a second more on
        either side for the resampler.
        """
        rate = audio.sample_rate
        first = max(math.floor(start / self.sample_rate) - 1, 0)
        last = math.ceil((start + self.window) / self.sample_rate) + 1
        part = Audio(audio.samples[:, first * rate : last * rate], rate).resample(self.sample_rate)
        start -= first * self.sample_rate
        stop = start + self.window
        inside = (part.samples[:, max(start, 0) : stop] - centre) / scale
        before = max(-start, 0)
        after = self.window - before - inside.shape[1]
        return pad(inside, (before, after))


def _centre_and_scale(audio: Audio) -> tuple[float, float]:
    """Mean and deviation of the whole recording, mixed down: the networks want it standardised.

    Of channels in opposite phase the louder one is taken, as `Audio.mono` does: their sum has next
    to no deviation, and the networks would be given a signal thousands of times too loud.
    """
    samples = audio.samples
    if (louder := Phase.of(samples).louder()) is not None:
        samples = samples[louder : louder + 1]
    centre = float(samples.mean())
    # In blocks, so that an hour of audio is not copied.
    squares = sum(
        float((block.mean(dim=0) - centre).square().sum())
        for block in samples.split(1 << 22, dim=1)
    )
    return centre, math.sqrt(squares / samples.shape[1]) + 1e-8
