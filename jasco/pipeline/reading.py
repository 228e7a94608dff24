"""Contents of the files of a request."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from jasco.audio import Audio, load_audio, probe
from jasco.conditions import Conditions, check_asked
from jasco.drums import DrumCodes
from jasco.extract.chords import extract_chords
from jasco.extract.drums import separate_drums
from jasco.extract.latents import encode_drums
from jasco.extract.melody import extract_melody
from jasco.melody import Melody
from jasco.model import Jasco
from jasco.pipeline.request import Request, cropped, labelled

_TRIED = 10.0  # s of a recording of drums that are read before the model is loaded


class Sources:
    """Chords, melody and drums of a request; of the drums only the beginning is read at first.

    Args:
        request: request, whose files are read.

    Raises:
        JascoError: a file cannot be read; the message begins with the label of the request.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        recordings, start, length = request.recordings, request.start, request.length
        with labelled(request.label):
            self.chords = request.chords
            if "chords" in recordings:
                extracted = extract_chords(load_audio(recordings["chords"]))
                self.chords = cropped(extracted, start, length)
            melody: Melody | None
            if "melody" in recordings:
                melody = extract_melody(load_audio(recordings["melody"]))
            elif isinstance(request.melody, Path):
                melody = Melody.load(request.melody, track=request.melody_track)
            else:
                melody = request.melody
            if melody is not None and (start, length) != (0.0, None):
                melody = melody.crop(start, length)
            self.melody = melody
            self.drums_length = math.inf  # s from the start on
            if self.drums_file is not None:
                self.drums_length = probe(self.drums_file).duration - start
                load_audio(self.drums_file, start=start, duration=request.duration or _TRIED)

    @property
    def drums_file(self) -> Path | None:
        """Recording of the drums, isolated or in a mix."""
        if "drums" in self.request.recordings:
            return self.request.recordings["drums"]
        return self.request.drums if isinstance(self.request.drums, Path) else None

    def clip(self, length: float) -> Conditions:
        """Conditions of a clip of ``length`` (s), for which its part of the drums is read."""
        request = self.request
        with labelled(request.label):
            drums: Audio | DrumCodes | None
            drums = None if isinstance(request.drums, Path) else request.drums
            if self.drums_file is not None:
                used = length if request.length is None else min(length, request.length)
                audio = load_audio(self.drums_file, start=request.start, duration=used)
                drums = separate_drums(audio) if "drums" in request.recordings else audio
            return Conditions(request.text, self.chords, drums, self.melody)

    def notices(self, length: float) -> list[str]:
        """Note on drums that are longer than a clip of ``length`` (s)."""
        if self.drums_file is None or self.request.length or self.drums_length <= length:
            return []
        return [f"drums: {self.drums_length:.2f} s given, the first {length:.2f} s used"]


def check_fit(requests: Iterable[Request], model: Jasco) -> None:
    """Refuse requests that do not fit the model; no file is read.

    Raises:
        JascoError: a control that the model does not have, or another length.
    """
    for request in requests:
        with labelled(request.label):
            frames = model.num_frames(request.duration)
            (request.guidance or model.guidance).terms(model.controls)
            check_asked(request.asked, model.controls)
            if isinstance(request.drums, DrumCodes):
                encode_drums(request.drums, frames, model.codec)
