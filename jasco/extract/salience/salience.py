"""Salience of every pitch from a waveform, folded to the 53 rows of a melody.

The reference level is the loudest bin of the whole track, so a track is processed twice: for that
level, then for the salience. Both passes run in chunks whose results do not depend on their limits:
the transform reads the signal of the whole track around a chunk, and the network gets ``CONTEXT``
frames more on each side.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from jasco.device import resolve_device, resolve_dtype
from jasco.extract.salience.hcqt import (
    BINS,
    HARMONICS,
    HarmonicCQT,
    bin_frequencies,
    log_level,
    num_frames,
    pyramid,
)
from jasco.extract.salience.network import CONTEXT, REACH_BELOW, SalienceNetwork
from jasco.extract.salience.weights import load_network
from jasco.melody import NUM_NOTES

# Row r has the five bins from 93 + 5 r on. The original ignores frequencies below G2, by which the
# lowest row loses not two but three: its middle bin lies a hundredth of a hertz below G2.
_BINS_PER_ROW = 5
_ROWS_START = 93
_LOWEST = int((bin_frequencies() < 97.99885899543733).sum())
_END = _ROWS_START + NUM_NOTES * _BINS_PER_ROW


class DeepSalience:
    """Multi-pitch salience of recordings (Bittner et al., ISMIR 2017)."""

    def __init__(
        self, network: SalienceNetwork, device: torch.device | str = "cpu", chunk: int = 250
    ) -> None:
        """Put a network on a device.

        Args:
            network: with its weights; moved to ``device``.
            device: where to compute.
            chunk: frames that pass the network at a time. Memory grows with it.
        """
        self.device = torch.device(device)
        self.network = network.to(self.device)
        self.hcqt = HarmonicCQT(self.device)
        self.chunk = chunk

    @classmethod
    def load(
        cls,
        weights: str | os.PathLike[str] | None = None,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
    ) -> DeepSalience:
        """Load the published model.

        Args:
            weights: a file, see `load_network`; ``None`` for the published ones.
            device: see `resolve_device`.
            dtype: of the convolutions, see `resolve_dtype`. In bfloat16 they are twice as fast, and
                a few frames in a thousand get another note.

        Raises:
            MissingPartError, CheckpointError: no weights, see `load_network`.
            SettingError: an unknown device or dtype.
        """
        place = resolve_device(device)
        return cls(load_network(weights, resolve_dtype(dtype, place)), place)

    def salience(self, waveform: torch.Tensor) -> torch.Tensor:
        """Salience of all 360 bins, whose frequencies `bin_frequencies` gives.

        Args:
            waveform: (..., N) mono at 22050 Hz; leading axes are tracks of equal length, each with
                its own reference level.

        Returns:
            (..., 360, 1 + N // 256) in [0, 1] on the CPU, column i standing at i 256 / 22050 s.
        """
        return torch.cat([part.cpu() for part in self._chunks(waveform, 0)], dim=-1)

    def rows(self, waveform: torch.Tensor) -> torch.Tensor:
        """Salience of the 53 notes of a melody; bins that they do not need are not computed.

        Args:
            waveform: (..., N), as for `salience`.

        Returns:
            (..., 53, 1 + N // 256) in [0, 1] on the CPU.
        """
        parts = self._chunks(waveform, _LOWEST)
        return torch.cat([fold_rows(part).cpu() for part in parts], dim=-1)

    @torch.inference_mode()
    def _chunks(self, waveform: torch.Tensor, lowest: int) -> Iterator[torch.Tensor]:
        """Salience (..., 360 - lowest, frames) of successive chunks."""
        signals = pyramid(waveform.to(self.device, torch.float32))
        frames = num_frames(waveform.shape[-1])
        chunks = [(i, min(i + self.chunk, frames)) for i in range(0, frames, self.chunk)]
        reference = torch.zeros(waveform.shape[:-1], device=self.device)
        for start, stop in chunks:
            power = self.hcqt.power(signals, start, stop)
            reference = torch.maximum(reference, power.amax((-3, -2, -1)))
        first_bin = max(lowest - REACH_BELOW, 0)
        for start, stop in chunks:
            begin, end = max(start - CONTEXT, 0), min(stop + CONTEXT, frames)
            level = log_level(self.hcqt.power(signals, begin, end, first_bin), reference)
            salience = self.network(level.reshape(-1, len(HARMONICS), *level.shape[-2:]))
            salience = salience[..., start - begin : stop - begin]
            yield salience.reshape(*waveform.shape[:-1], *salience.shape[-2:])


def fold_rows(salience: torch.Tensor) -> torch.Tensor:
    """Fold bins, a fifth of a semitone each, into the semitones of a melody.

    Args:
        salience: (..., bins, T), all bins of the transform or its highest.

    Returns:
        (..., 53, T): the largest of the five bins around each note; row r is MIDI 43 + r.
    """
    first_bin = BINS - salience.shape[-2]
    used = salience[..., _LOWEST - first_bin : _END - first_bin, :]
    used = F.pad(used, (0, 0, _LOWEST - _ROWS_START, 0))
    return used.unflatten(-2, (NUM_NOTES, _BINS_PER_ROW)).amax(-2)
