"""Contents of the files of a request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jasco.audio import Audio, load_audio, probe
from jasco.conditions import Conditions, check_asked
from jasco.control_value import ControlValue
from jasco.controls import CONTROLS
from jasco.controls.spec import imported
from jasco.drums import LONGEST_DRUMS, repeat_loop
from jasco.io.kinds import MIDI, kind_of
from jasco.model import Jasco
from jasco.pipeline.request import Request, labelled
from jasco.played import PlayedDrums
from jasco.song.edit import Edit
from jasco.song.take import Take

_TRIED = 10.0  # s of audio that are read before the model states the length of the clip


class Sources:
    """Values of the controls of a request, read; files of audio are opened and tried.

    Raises:
        JascoError: a file cannot be read; the message begins with the label of the request.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.values: dict[str, Any] = {}
        self.lengths: dict[str, float] = {}  # of audio controls, s from the start on
        self._audio: dict[str, Path | PlayedDrums] = {}
        self.take: Take | None = None
        self.edit: Edit | None = None
        self.repeated = ""  # how the drums of the clip repeat
        self.extracted: dict[str, str] = {}  # name of the extractor, where there are several
        start, length = request.start, request.length
        with labelled(request.label):
            if request.edit is not None:
                self.take = Take.of(request.edit.path)
                self.edit = request.edit.resolved(self.take)
            for name, spec in CONTROLS.items():
                value = request.controls.get(name)
                recording = request.recordings.get(name)
                path = recording or (value if isinstance(value, Path) else None)
                if isinstance(value, PlayedDrums):
                    self._audio[name] = value
                elif path is None:
                    self.values[name] = value
                elif recording is None and spec.player and kind_of(path) == MIDI:
                    played: PlayedDrums = imported(spec.player)(path).excerpt(start)
                    self._audio[name], self.lengths[name] = played, played.duration
                elif spec.is_audio:
                    self._audio[name] = path
                    self.lengths[name] = probe(path).duration - start
                    load_audio(path, start=start, duration=request.duration or _TRIED)
                else:
                    if recording is not None:
                        value = self._extract(name, load_audio(recording))
                    else:
                        value = spec.value_class.of(path, **request.reading[name])
                    cut = (start, length) != (0.0, None)
                    self.values[name] = value.excerpt(start, length) if cut else value

    def clip(self, length: float) -> Conditions:
        """Conditions of a clip of ``length`` (s); of audio only that much is read."""
        request, values = self.request, dict(self.values)
        with labelled(request.label):
            for name, source in self._audio.items():
                used = length if request.length is None else min(length, request.length)
                loop = request.drums_loop if name == "drums" else None
                # A loop that is stretched is read whole, because its bars are counted.
                read = used if loop is None or loop.own is None else LONGEST_DRUMS
                if isinstance(source, PlayedDrums):
                    audio = source.audio(read)
                else:
                    audio = load_audio(source, start=request.start, duration=read)
                value = self._extract(name, audio) if name in request.recordings else audio
                if loop is not None and (loop.own is not None or value.duration < used):
                    value, self.repeated = repeat_loop(value, used, loop.bar, loop.own)
                values[name] = value
            return Conditions(request.text, **values)

    def _extract(self, name: str, audio: Audio) -> Any:
        """Form of a control that its extractor finds in a recording."""
        spec = CONTROLS[name]
        extractor, extract = spec.find_extractor(self.request.extractors.get(name))
        if len(spec.extractors) > 1:
            self.extracted[name] = extractor
        return extract(audio)

    def notices(self, length: float) -> list[str]:
        """Extractors, patterns, and audio that is left out for a clip of ``length`` (s)."""
        noted = [f"{name}: extracted by {extractor}" for name, extractor in self.extracted.items()]
        lines = [played.line for played in self._audio.values() if isinstance(played, PlayedDrums)]
        told = [f"drums: {line}" for line in (*lines, self.repeated) if line]
        return [*noted, *told] + [
            f"{name}: {given:.2f} s given, the first {length:.2f} s used"
            for name, given in self.lengths.items()
            if given > length and not self.request.length
        ]


def check_fit(requests: Iterable[Request], model: Jasco) -> None:
    """Refuse requests that do not fit the model; no file is read.

    Raises:
        JascoError: a control that the model does not have, or another length.
    """
    for request in requests:
        with labelled(request.label):
            frames = model.num_frames(request.duration)
            model.network.guidance_inputs(request.guidance or model.guidance, model.controls)
            check_asked(request.asked, model.controls)
            for value in request.controls.values():
                if isinstance(value, ControlValue):
                    value.check_length(frames)
