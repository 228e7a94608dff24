"""Kinds of the files that users give, by suffix: one list for options, messages and folders."""

from __future__ import annotations

from pathlib import Path

RECORDING, MIDI, MATRIX = "a recording", "a MIDI file", "a matrix of numbers"
CHORDS, CHART, REQUESTS = "a file of chords", "a chart", "a file of requests"

_SUFFIXES = {
    RECORDING: ".wav .flac .mp3 .ogg .oga .opus .aif .aiff .au .caf .w64 .m4a .mp4 .aac .wma .webm "
    ".mkv .mov",
    MIDI: ".mid .midi .kar .rmi .smf",
    MATRIX: ".npy .npz .th .pt",
    CHORDS: ".lab .jams .chords",
    CHART: ".musicxml .mxl .abc .cho .crd .chopro .chordpro .irealb .gp .gpx .gp3 .gp4 .gp5",
    REQUESTS: ".jsonl",
}
_KINDS = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}


def kind_of(name: str | Path) -> str | None:
    """Kind of a file by its suffix; ``None`` for others, such as ``.json`` and ``.txt``."""
    return _KINDS.get(Path(name).suffix.lower())
