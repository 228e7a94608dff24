"""Prepared dataset: precomputed latents and controls for training.

A folder of ``index.jsonl``, one track per line, and ``tracks/<id>.safetensors``, one file per
track, whose id is the SHA-256 of its audio file:

``latents`` float16 (T, D) are EnCodec latents in the codec's own scale, before normalisation. The
tensors of the controls are those of `ControlValue.pack` of their value classes. ``bar_onsets`` are
the times of the bar lines (s).

Each stage of the preparation adds its tensors, and the header of the file keeps the stage's
signature: its version and its dependencies, such as the fingerprint of the codec.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from jasco.conditions import Conditions
from jasco.control_value import Span
from jasco.controls import CONTROLS
from jasco.data.track_file import (
    FLOATS,
    Header,
    Signature,
    TrackFile,
    is_duration,
    opened_track,
    read_header,
    track_file,
)
from jasco.errors import DataError, SettingError
from jasco.io.jsonl import read_lines, write_lines

INDEX = "index.jsonl"
BARS = "bars"
"""Stage of the bar lines."""
BAR_ONSETS = "bar_onsets"
"""Tensor of that stage: float (N,), times of the bar lines (s)."""

_CODEC = ("codec", "frame_rate")  # parts of a signature that must equal those of the latents

# --- the index ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Track:
    """Track in the index.

    Attributes:
        id: SHA-256 of the audio file.
        file: path of the track file in the dataset.
        path: path of the audio file.
        duration: length of the audio (s).
        num_frames: latent frames T; 0 without latents.
        stages: digest of the signature of each stage, by name.
        fields: fields of the manifest.
    """

    id: str
    file: str
    path: str
    duration: float
    num_frames: int
    stages: Mapping[str, str]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str | None:
        """Description of the music: ``text`` of the manifest, else ``description``."""
        found = self.fields.get("text") or self.fields.get("description")
        return found if isinstance(found, str) else None


_OWN = ("id", "file", "path", "duration", "num_frames", "stages")


def make_track(header: Header, path: str, fields: Mapping[str, Any]) -> Track:
    """Entry of the index for a track file.

    Args:
        header: header of the track file.
        path: path of the audio file.
        fields: fields of the manifest. Its duration is replaced by the measured one; other fields
            with names of the index are kept as ``manifest_NAME``.
    """
    renamed = {f"manifest_{key}" if key in _OWN else key: fields[key] for key in fields}
    renamed.pop("manifest_duration", None)
    return Track(
        header.id,
        track_file(header.id),
        path,
        header.duration,
        header.num_frames,
        {stage: digest(header.stages[stage]) for stage in sorted(header.stages)},
        renamed,
    )


def digest(signature: Signature) -> str:
    """Short hash of a signature."""
    text = json.dumps(signature, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_index(root: Path, tracks: Iterable[Track]) -> None:
    """Write the index, in the order of the ids."""
    ordered = sorted(tracks, key=lambda track: track.id)
    write_lines(root / INDEX, ({**{k: getattr(t, k) for k in _OWN}, **t.fields} for t in ordered))


def read_index(root: Path) -> list[Track]:
    """Tracks of a prepared dataset.

    Raises:
        DataError: the folder or its index is missing, or a line does not describe a track.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder: make the dataset with jasco-prepare out={root}")
    if not (root / INDEX).is_file():
        raise DataError(
            f"{root} holds no {INDEX}, so it is no prepared dataset or its preparation has not "
            "ended: run jasco-prepare (again)"
        )
    tracks = []
    for label, values in read_lines(root / INDEX):
        try:
            own = {key: values.pop(key) for key in _OWN}
        except KeyError as error:
            raise DataError(f"{label} has no {error}: it describes no track") from error
        for key, (fits, words) in _KINDS.items():
            if not fits(own[key]):
                raise DataError(f"{label}: {key} is {own[key]!r:.60}, not {words}")
        tracks.append(Track(**own, fields=values))
    return tracks


MAX_FRAMES = 10**8
"""Most latent frames of a track, three weeks at 50 Hz."""


def _is_inside(name: object) -> bool:
    """True for a normalised relative path within the folder."""
    if not isinstance(name, str) or not name or "\0" in name or "\\" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.name != ""


def _is_frames(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return 0 <= value <= MAX_FRAMES


def _are_digests(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(short, str) for short in value.values())


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (lambda v: isinstance(v, str), "a text"),
    "file": (_is_inside, "the path of a file inside the folder"),
    "path": (lambda v: isinstance(v, str), "a path"),
    "duration": (is_duration, "a number of seconds"),
    "num_frames": (_is_frames, f"a whole number from 0 to {MAX_FRAMES:,}"),
    "stages": (_are_digests, "a mapping of stages to digests"),
}


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """Properties common to all tracks of a dataset.

    Attributes:
        codec: fingerprint of the codec of the latents.
        frame_rate: latent frames per second (Hz).
        latent_dim: channels D of the latents.
        stages: names of the stages that all tracks have, made with this codec.
    """

    codec: str
    frame_rate: float
    latent_dim: int
    stages: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PreparedClip:
    """Segment of a track with its conditions.

    Attributes:
        latents: (T, D) float32 in the codec's own scale, zero from frame ``length`` on.
        length: number of frames before the end of the track.
        conditions: controls of these frames, without text.
    """

    latents: Tensor
    length: int
    conditions: Conditions


class PreparedDataset:
    """Prepared dataset, read segment by segment.

    Args:
        root: folder of the dataset.
        controls: controls of the clips, of `jasco.controls.CONTROLS`; ``None`` for all that all
            tracks have.

    Attributes:
        tracks: tracks in the order of the index.
        facts: properties common to all tracks.
        controls: controls of the clips.

    Raises:
        DataError: no dataset or an empty one, latents of several codecs, or a control that some
            tracks lack.
    """

    def __init__(self, root: str | os.PathLike[str], controls: Sequence[str] | None = None) -> None:
        self.root = Path(os.path.expanduser(root))
        self.tracks: Sequence[Track] = read_index(self.root)
        if not self.tracks:
            raise DataError(f"{self.root} holds no track: see its quarantine.jsonl for the reasons")
        signatures = self._signatures()
        for signature in signatures.get("latents", ()):
            _check_codec(signature, self.root)
        self._require("latents", signatures)
        latents = signatures["latents"][0]
        stages = [stage for stage in sorted(signatures) if not self._problem(stage, signatures)]
        self.facts = Facts(
            latents["codec"], latents["frame_rate"], latents["latent_dim"], tuple(stages)
        )
        for control in controls or ():
            self._require(control, signatures)
        held = tuple(control for control in CONTROLS if control in stages)
        self.controls = held if controls is None else tuple(controls)

    @classmethod
    def for_model(
        cls, root: str | os.PathLike[str], controls: Sequence[str], model: Any
    ) -> PreparedDataset:
        """Dataset whose latents are those of the codec of a `Jasco`.

        Raises:
            DataError: see `PreparedDataset`; or another codec.
        """
        data = cls(root, controls)
        if data.facts.codec != model.codec.fingerprint():
            raise other_codec(root, model)
        return data

    def __len__(self) -> int:
        return len(self.tracks)

    def clip(self, index: int, start_frame: int, num_frames: int) -> PreparedClip:
        """Segment of a track, of which nothing else is read.

        The chord that sounds at the start has its onset at 0. Where the track ends within the clip,
        the conditions end with it.

        Args:
            index: index of the track.
            start_frame: first latent frame.
            num_frames: length of the clip (latent frames).

        Raises:
            SettingError: the segment begins outside the track, or has no frames.
            DataError: the file is missing or broken, or differs from the index.
        """
        track = self.tracks[index]
        if not 0 <= start_frame < track.num_frames or num_frames < 1:
            raise SettingError(
                f"{num_frames} frames from frame {start_frame} were asked of track {index}, which "
                f"has {track.num_frames}: begin inside it and ask for at least one"
            )
        length = min(num_frames, track.num_frames - start_frame)
        span = Span(start_frame, start_frame + length, track.num_frames, self.facts.frame_rate)
        with opened_track(self.root / track.file) as file:
            stored = file.get_slice("latents")
            if (
                stored.get_shape() != [track.num_frames, self.facts.latent_dim]
                or stored.get_dtype() not in FLOATS
            ):
                raise DataError(
                    f"{self.root / track.file} has latents of shape {stored.get_shape()} and type "
                    f"{stored.get_dtype()}, not what the index says: run jasco-prepare again"
                )
            latents = torch.zeros(num_frames, self.facts.latent_dim)
            latents[:length] = stored[span.start : span.stop]
            if not bool(latents.isfinite().all()):
                raise ValueError("its latents are not finite")
            tensors = TrackFile(file)
            values: dict[str, Any] = {
                c: CONTROLS[c].value_class.unpack(tensors, span) for c in self.controls
            }
        return PreparedClip(latents, length, Conditions(**values))

    def bars(self, index: int) -> list[int]:
        """Latent frames of the bar lines of a track; none where they are unknown.

        Raises:
            DataError: the file is missing or broken.
        """
        track = self.tracks[index]
        if BARS not in track.stages:
            return []
        with opened_track(self.root / track.file) as file:
            stored = file.get_slice(BAR_ONSETS)
            if len(stored.get_shape()) != 1 or stored.get_dtype() not in FLOATS:
                raise ValueError(f"{BAR_ONSETS} is {stored.get_dtype()} {stored.get_shape()}")
            frames = (stored[:].float() * self.facts.frame_rate).round().nan_to_num(-1.0)
        return [int(frame) for frame in frames.tolist() if 0 <= frame < track.num_frames]

    def _signatures(self) -> dict[str, list[Signature]]:
        """Distinct signatures of each stage, each read from one file."""
        holders: dict[str, dict[str, Track]] = {}
        for track in self.tracks:
            for stage, short in track.stages.items():
                holders.setdefault(stage, {}).setdefault(short, track)
        files = {track.file for kinds in holders.values() for track in kinds.values()}
        stages = {file: read_header(self.root / file).stages for file in files}
        for stage, kinds in holders.items():
            for track in kinds.values():
                if stage not in stages[track.file]:
                    raise DataError(
                        f"{self.root / track.file} holds no {stage}, though the index says so: run "
                        "jasco-prepare again"
                    )
        return {
            stage: [stages[t.file][stage] for t in kinds.values()]
            for stage, kinds in holders.items()
        }

    def _problem(self, stage: str, signatures: Mapping[str, Sequence[Signature]]) -> str | None:
        """Reason why clips cannot have the result of a stage; ``None`` if they can."""
        remedy = f"run jasco-prepare stages=[{stage}] out={self.root}"
        absent = sum(stage not in track.stages for track in self.tracks)
        if absent:
            return f"{stage} was not prepared for {absent} of {len(self.tracks)} tracks: {remedy}"
        latents, *others = signatures["latents"]
        if others:
            return (
                f"there are latents of {len(others) + 1} codecs: {remedy} with one for all tracks"
            )
        pairs = [
            (s.get(key, latents[key]), latents[key]) for s in signatures[stage] for key in _CODEC
        ]
        if any(made != wanted for made, wanted in pairs):
            return f"{stage} was prepared with another codec than the latents: {remedy}"
        return None

    def _require(self, stage: str, signatures: Mapping[str, Sequence[Signature]]) -> None:
        problem = self._problem(stage, signatures)
        if problem:
            raise DataError(problem)


def _check_codec(signature: Signature, root: Path) -> None:
    """Refuse latents whose signature lacks the codec."""
    codec, rate, channels = (signature.get(k) for k in ("codec", "frame_rate", "latent_dim"))
    if (
        not isinstance(codec, str)
        or not (isinstance(rate, int | float) and 0 < rate <= 1e4)
        or not (isinstance(channels, int) and 0 < channels <= 1e5)
    ):
        raise DataError(
            f"the latents of {root} do not say their codec, frame rate and channels: prepare them "
            "again with jasco-prepare"
        )


def other_codec(root: str | os.PathLike[str], model: Any) -> DataError:
    """Error of a dataset with latents of another codec than that of a `Jasco`, with a remedy."""
    name = model.name_or_path or model.codec.source
    remedy = f"prepare them again with jasco-prepare codec.name={name} and another out=FOLDER"
    if not name:
        remedy = (
            "give the model that codec: codec@model.codec=trained model.codec.pretrained=FOLDER"
        )
    return DataError(f"the latents of {root} are of another codec than the model's: {remedy}")
