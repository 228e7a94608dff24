"""Audio: reading, writing, resampling, mixing down, measuring and setting loudness.

No other package uses libsndfile. A signal is a float32 tensor (channels, samples) on the CPU
whose full scale is 1.0, kept with its rate as an `Audio`.
"""

from jasco.audio.files import load_audio, load_channels, save_audio, to_audio
from jasco.audio.filters import high_pass
from jasco.audio.level import loudness, normalize_loudness
from jasco.audio.marks import read_mark
from jasco.audio.recipes import read_recipe
from jasco.audio.signal import Audio, Phase
from jasco.audio.stream import AudioInfo, load_mono, probe
from jasco.audio.sustained import SONG, sustained_share

__all__ = [
    "Audio",
    "AudioInfo",
    "SONG",
    "Phase",
    "high_pass",
    "load_audio",
    "load_channels",
    "load_mono",
    "loudness",
    "normalize_loudness",
    "probe",
    "read_mark",
    "read_recipe",
    "save_audio",
    "sustained_share",
    "to_audio",
]
