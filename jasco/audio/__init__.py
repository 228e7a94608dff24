"""Audio: read, write, resample, mix down, measure and set loudness.

The only part that uses libsndfile. A signal is a float32 tensor (channels, samples) on the CPU
whose full scale is 1.0, kept with its rate as an `Audio`.
"""

from jasco.audio.files import audio_duration, load_audio, read_recipe, save_audio, to_audio
from jasco.audio.level import loudness, normalize_loudness
from jasco.audio.signal import Audio

__all__ = [
    "Audio",
    "audio_duration",
    "load_audio",
    "loudness",
    "normalize_loudness",
    "read_recipe",
    "save_audio",
    "to_audio",
]
