"""Melody extraction: the most salient pitch of each frame, as in the training of JASCO."""

from __future__ import annotations

from jasco.audio import Audio
from jasco.extract.salience import FRAME_RATE, SAMPLE_RATE, DeepSalience, resample
from jasco.melody import Melody


def extract_melody(
    audio: Audio, *, threshold: float = 0.5, model: DeepSalience | None = None
) -> Melody:
    """Extract the melody of a recording by deep salience.

    Salience is relative to the loudest bin of the audio, so that a clip cropped from a track has a
    slightly different melody than the track has there: extract first, then crop.

    Args:
        audio: audio of any rate, number of channels and length.
        threshold: salience below which a frame is silent.
        model: salience model, to reuse it or to choose weights, device and precision;
            ``DeepSalience.load()`` by default.

    Returns:
        Melody at 86.13 Hz (22050 / 256); `Melody.frames` resamples it to the rate of a model.

    Raises:
        MissingPartError: the weights are not installed and cannot be downloaded.
    """
    model = model or DeepSalience.load()
    waveform = resample(audio.mono().samples[0], audio.sample_rate, SAMPLE_RATE)
    return Melody.from_salience(model.rows(waveform), FRAME_RATE, threshold=threshold)
