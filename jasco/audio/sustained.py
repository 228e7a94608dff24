"""Share of sustained sound in a recording, which distinguishes a song from a drum track.

Median filters along time and frequency separate a spectrogram into sustained and percussive sound
(Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010). Measured over
10 s: drum tracks of 24 songs of the band 0 to .55, their mixes .40 to .94 (22 of them above .67); a
separated drum track .36, a beatbox loop .03, recordings of an electronic song .72 and of Bach .97.
"""

from __future__ import annotations

import torch

from jasco.audio.signal import Audio

SONG = 0.6
"""Share above which a recording counts as more than drums."""

_RATE, _WINDOW, _HOP = 16000, 1024, 512
_WIDTH = 31  # columns, about 1 s, and rows, about 500 Hz
_LOWEST = 8  # row of 125 Hz; kick drums ring below


def sustained_share(audio: Audio) -> float:
    """Sustained part of the energy above 125 Hz, from 0 (strokes) to 1 (tones); 0 for silence."""
    from scipy.ndimage import median_filter

    samples = audio.mixed()[0].resample(_RATE).samples[0]
    if len(samples) < _WINDOW:
        return 0.0
    window = torch.hann_window(_WINDOW)
    spectrum = torch.stft(samples, _WINDOW, _HOP, window=window, return_complex=True).abs().numpy()
    lasting = median_filter(spectrum, (1, _WIDTH)) ** 2
    struck = median_filter(spectrum, (_WIDTH, 1)) ** 2
    energy = spectrum[_LOWEST:] ** 2
    kept = energy * (lasting / (lasting + struck + 1e-12))[_LOWEST:]
    return float(kept.sum() / max(float(energy.sum()), 1e-12))
