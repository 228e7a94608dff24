"""Drum separation: a source separation network over recordings of any length."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from jasco.audio import Audio, Phase
from jasco.device import resolve_device, resolve_dtype
from jasco.extract.demucs import DrumNetwork, load_drum_network

OVERLAP = 0.25
"""Overlap of successive segments, as a share of their length."""


def separate_drums(
    audio: Audio,
    *,
    model: str | os.PathLike[str] | None = None,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "float32",
    progress: bool = True,
) -> Audio:
    """Separate the drums of a recording.

    The output is deterministic: the random shifts of Demucs are not used. For many recordings,
    reuse one `DrumSeparator`.

    Args:
        audio: audio of any rate; one or two channels are kept, more are mixed to mono.
        model: name, folder or file of a separator; see `jasco.extract.demucs.load_drum_network`.
        device: device; ``"auto"`` for the fastest of this machine.
        dtype: data type of matrix products, ``"float32"``, ``"bfloat16"`` or ``"auto"``.
        progress: show a progress bar after two seconds.

    Returns:
        Drums at the rate of the separator (44.1 kHz), as long as the recording.

    Raises:
        MissingPartError: demucs is not installed, or its weights cannot be downloaded.
        CheckpointError: ``model`` is a file or folder without a separator.
        SettingError: an unknown device or data type.
    """
    return DrumSeparator(load_drum_network(model), device=device, dtype=dtype)(
        audio, progress=progress
    )


class DrumSeparator:
    """Drum separator of recordings of any length, by overlapping segments.

    Args:
        network: network of `load_drum_network`.
        device: device; ``"auto"`` for the fastest of this machine.
        dtype: data type of matrix products, ``"float32"``, ``"bfloat16"`` or ``"auto"``.
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
        # Truncated as in Demucs, whose networks accept this number of samples only.
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
        """Separate a recording, and yield the drums piece by piece.

        Beside the recording itself, memory holds one segment at a time.

        Yields:
            (channels, samples) float32 on the CPU, in successive pieces without gaps.
        """
        centre, scale = _centre_and_scale(audio)
        channels, length = self._channels(audio), self._length(audio)
        mix = audio if len(audio.samples) == channels else audio.mono()
        rise = torch.arange(1, self.window // 2 + 1)
        fall = torch.arange(self.window - self.window // 2, 0, -1)
        fade = torch.cat([rise, fall]) / fall[0]
        # Overlap-add: the weighted sum of segments so far, and the sum of their weights.
        drums, weight = torch.zeros(channels, self.window), torch.zeros(self.window)
        seconds = round(length / self.sample_rate, 2)
        with tqdm(total=seconds, desc="drums", unit="s", delay=2, disable=not progress) as bar:
            for start in range(0, length, self.stride):
                size = min(self.window, length - start)
                # A segment that is cropped by the end of the recording is centred in its window.
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
        """Standardised window (channels, window) at the rate of the network, zero-padded.

        The window is cropped at whole seconds, where samples of both rates coincide, with a second
        of margin on either side for the resampler.
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
    """Mean and standard deviation of the mono mix, by which Demucs standardises its input.

    For channels in opposite phase the louder one is used, as in `Audio.mono`: their sum has almost
    no deviation, and would scale the input of the network up by a factor of thousands.
    """
    samples = audio.samples
    if (louder := Phase.of(samples).louder()) is not None:
        samples = samples[louder : louder + 1]
    centre = float(samples.mean())
    # Computed in blocks, which avoids a copy of the whole recording.
    squares = sum(
        float((block.mean(dim=0) - centre).square().sum())
        for block in samples.split(1 << 22, dim=1)
    )
    return centre, math.sqrt(squares / samples.shape[1]) + 1e-8
