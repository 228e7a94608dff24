"""Deep salience: a network that estimates the salience of each pitch by frame.

R. M. Bittner, B. McFee, J. Salamon, P. Li, J. P. Bello, "Deep salience representations for F0
estimation in polyphonic music", ISMIR 2017. The chain is that of the melodies of
JASCO: resampling to 22050 Hz (`resampling`), harmonic constant-Q transform (`hcqt`), network
(`network`, its `weights`), 360 bins to 53 notes (`salience`).
"""

from __future__ import annotations

from jasco.extract.salience.hcqt import FRAME_RATE, SAMPLE_RATE, bin_frequencies
from jasco.extract.salience.resampling import resample
from jasco.extract.salience.salience import DeepSalience, fold_rows

__all__ = [
    "FRAME_RATE",
    "SAMPLE_RATE",
    "DeepSalience",
    "bin_frequencies",
    "fold_rows",
    "resample",
]
