"""Contents of the files that a request names, read when its turn comes."""

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
from jasco.pipeline.request import Request, cropped, located

_TRIED = 10.0  # s of a recording of drums that are read before the model says how many it takes


class Sources:
    """What a request asks for, its melody and chords read and its drums found to be audio.

    Raises:
        JascoError: a file that cannot be read; the message begins with the request's label.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        recordings, start, length = request.recordings, request.start, request.length
        with located(request.label):
            self.chords = request.chords
            if "chords" in recordings:
                heard = extract_chords(load_audio(recordings["chords"]))
                self.chords = cropped(heard, start, length)
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
        """Recording of the drums, alone or in a song."""
        if "drums" in self.request.recordings:
            return self.request.recordings["drums"]
        return self.request.drums if isinstance(self.request.drums, Path) else None

    def clip(self, length: float) -> Conditions:
        """Conditions of a clip of ``length`` (s); of the drums only that much is read."""
        request = self.request
        with located(request.label):
            drums: Audio | DrumCodes | None
            drums = None if isinstance(request.drums, Path) else request.drums
            if self.drums_file is not None:
                used = length if request.length is None else min(length, request.length)
                audio = load_audio(self.drums_file, start=request.start, duration=used)
                drums = separate_drums(audio) if "drums" in request.recordings else audio
            return Conditions(request.text, self.chords, drums, self.melody)

    def notices(self, length: float) -> list[str]:
        """What is left out of the drums for a clip of ``length`` (s)."""
        if self.drums_file is None or self.request.length or self.drums_length <= length:
            return []
        return [f"drums: {self.drums_length:.2f} s given, the first {length:.2f} s used"]


def check_fit(requests: Iterable[Request], model: Jasco) -> None:
    """Refuse requests that do not fit the model, as far as shows without reading files.

    Raises:
        JascoError: a control that the model has not, or another length.
    """
    for request in requests:
        with located(request.label):
            frames = model.num_frames(request.duration)
            (request.guidance or model.guidance).terms(model.controls)
            check_asked(request.asked, model.controls)
            if isinstance(request.drums, DrumCodes):
                encode_drums(request.drums, frames, model.codec)
