"""The melody of a recording: the most salient pitch of each frame, as JASCO was trained on it."""

from __future__ import annotations

from jasco.audio import Audio
from jasco.melody import Melody
from jasco.preprocess.salience import FRAME_RATE, SAMPLE_RATE, DeepSalience, resample


def extract_melody(
    audio: Audio, *, threshold: float = 0.5, model: DeepSalience | None = None
) -> Melody:
    """The melody that a recording of any kind carries, by deep salience.

    The threshold decides what counts as sounding relative to the loudest moment of what is given,
    so a clip cut from a track has not quite the melody that the track has there: extract first,
    then cut.

    Args:
        audio: any number of channels, any rate, any length.
        threshold: salience below it is silence.
        model: for several recordings, or for a choice of weights, device and precision;
            ``DeepSalience.load()`` if not given.

    Returns:
        The melody at 86.13 Hz (22050 / 256); `Melody.frames` takes it to the rate of a model.

    Raises:
        MissingPartError: the weights are neither here nor to be fetched.
    """
    model = model or DeepSalience.load()
    waveform = resample(audio.mono().samples[0], audio.sample_rate, SAMPLE_RATE)
    return Melody.from_salience(model.rows(waveform), FRAME_RATE, threshold=threshold)
