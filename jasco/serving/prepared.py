"""Requests whose files are read: plain data and tensors, from which a worker generates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from jasco.audio import Audio
from jasco.conditions import check_asked
from jasco.controls import CONTROLS
from jasco.generation import frames_of
from jasco.pipeline.edits import edit_values
from jasco.pipeline.loops import loop_values
from jasco.pipeline.reading import Sources
from jasco.pipeline.request import Request, labelled
from jasco.pipeline.timing import Timing
from jasco.recipe import conditions_of, plain_conditions
from jasco.serving.limits import Limits
from jasco.song.looping import repeated
from jasco.song.take import Take

LABEL = "request"
_SETTINGS = ("seed", "solver", "steps", "shift", "guidance", "loudness", "mark", "stream")


@dataclass(frozen=True)
class ModelFacts:
    """Facts of a model that requests are read for, as plain data.

    Attributes:
        name, revision: name and commit.
        controls: names of its controls.
        sample_rate, channels: format of its audio.
        frame_rate: latent frame rate (Hz).
        segment_duration: length of a clip by default (s).
        device, dtype, threads: where and how it computes.
    """

    name: str | None
    revision: str | None
    controls: tuple[str, ...]
    sample_rate: int
    channels: int
    frame_rate: float
    segment_duration: float
    device: str
    dtype: str
    threads: int

    def frames(self, request: Request, longest: float | None) -> int:
        """Latent frames of the conditions of a request; ``longest`` range of an edit (s)."""
        if request.loop is not None:
            return max(round(request.loop.duration * self.frame_rate), 1)
        duration = request.duration if longest is None else longest
        return frames_of(duration, self.segment_duration, self.frame_rate)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Request whose files are read.

    Attributes:
        values: values of the request without controls.
        conditions: plain conditions, as in a recipe.
        tempo: tempo, metre and key for the tags of the file.
        audio: sample rate of each of the tensors.
        take: kind of an edit, and recipe, path and mark of its take.
        notes: changes that fitted the request to the model.
        batch: key of requests of near lengths that may run in one batch; ``None`` for one that runs
            alone.
        length: length (s).
        tensors: audio of the drums and of the take.
    """

    values: Mapping[str, Any]
    conditions: Mapping[str, Any]
    tempo: Mapping[str, Any]
    audio: Mapping[str, int]
    take: Mapping[str, Any] | None
    notes: tuple[str, ...]
    batch: str | None
    length: float
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(
        cls, values: Mapping[str, Any], names: Mapping[str, str], facts: ModelFacts, limits: Limits
    ) -> Prepared:
        """Read the files of a request.

        Args:
            values: values by key, with paths of files.
            names: names of the files that the client gave.
            facts: model.
            limits: limits of the server.

        Raises:
            JascoError: files or values that do not fit.
        """
        request = Request.build(values, LABEL)
        with labelled(LABEL):
            check_asked(request.asked, facts.controls)
            sources = Sources(request)
            edit, kept = sources.edit, {k: values[k] for k in _SETTINGS if k in values}
            frames = facts.frames(request, None if edit is None else edit.longest)
            length = frames / facts.frame_rate
            limits.check_duration(length)
            given = sources.clip(length)
        kept |= {"text": request.text, "sections": values.get("sections")}
        if request.loop is not None:
            given = repeated(given, request.loop)
            kept |= loop_values(request.loop.to_plain())
        elif edit is not None and request.edit is not None:
            kept |= edit_values(edit, Path(edit.kind)) | {edit.kind: None}
        else:
            kept["duration"] = length
        tensors, rates = {}, {}
        if isinstance(given.drums, Audio):
            tensors["drums"], rates["drums"] = given.drums
        take = sources.take
        if take is not None and edit is not None:
            tensors["take"], rates["take"] = take.audio
        return cls(
            kept,
            plain_conditions(given, frames, facts.frame_rate),
            request.timing.tempo,
            rates,
            None if take is None or edit is None else _plain_take(take, edit.kind, names),
            (*sources.notices(length), *given.notes(frames, facts.frame_rate)),
            _batch(request, values),
            length,
            {name: samples.contiguous() for name, samples in tensors.items()},
        )

    def pack(self) -> tuple[bytes, bytes]:
        """JSON of the plain data, and safetensors."""
        plain = asdict(replace(self, tensors={}))
        return json.dumps(plain).encode(), safetensors.torch.save(dict(self.tensors))

    @classmethod
    def unpack(cls, plain: bytes, tensors: bytes) -> Prepared:
        """Inverse of `pack`."""
        values = json.loads(plain)
        values["notes"] = tuple(values["notes"])
        return cls(**values | {"tensors": safetensors.torch.load(tensors)})

    def request(self, output: Path, source: Path) -> Request:
        """Request that a worker generates.

        Args:
            output: file to write.
            source: any regular file, which stands for the take of an edit.
        """
        clip = conditions_of(self.conditions)
        if "drums" in self.tensors:
            clip = replace(clip, drums=self._audio("drums"))
        values = dict(self.values) | {"output": "-" if self.values.get("stream") else str(output)}
        values |= {name: getattr(clip, name) for name in CONTROLS}
        if self.take is not None:
            values[self.take["kind"]] = str(source)
        request = Request.build(values, LABEL)
        if self.take is not None and request.edit is not None:
            own = {key: value for key, value in self.take.items() if key != "kind"}
            take = Take(self._audio("take"), **own)
            request = replace(request, edit=replace(request.edit, path=take))
        return replace(request, timing=Timing(self.tempo))

    def _audio(self, name: str) -> Audio:
        return Audio(self.tensors[name], self.audio[name])


def _plain_take(take: Take, kind: str, names: Mapping[str, str]) -> dict[str, Any]:
    return {"kind": kind, "recipe": take.recipe, "path": names.get(kind), "mark": take.mark}


def _batch(request: Request, values: Mapping[str, Any]) -> str | None:
    """Key of the settings that are equal for all requests of a batch."""
    adaptive = request.solver is not None and request.solver.adaptive
    if request.edit is not None or request.loop is not None or request.stream or adaptive:
        return None
    solver = None if request.solver is None else request.solver.settings()
    length = request.duration if request.sections else None
    own = [length, solver, request.steps, request.shift, values.get("sections")]
    return json.dumps(own, sort_keys=True)
