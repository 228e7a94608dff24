"""Recordings of a manifest with given controls, without preparation.

Beside ``path`` a line may hold ``duration`` (s), the fields of the text, and controls:
``chords`` as `ChordProgression` reads them or a ``.lab``, ``.jams``, ``.json`` or ``.txt`` file,
with ``bpm``, ``time_signature``, ``key``, ``notation`` and ``annotation`` where they need them;
``drums``, a recording of the drums alone from the same start; ``melody``, a file that `Melody`
loads. Paths are relative to the manifest. Controls are extracted by the preparation only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from jasco.audio import Audio, load_audio, probe
from jasco.conditions import Conditions
from jasco.control_value import Span
from jasco.controls import CONTROLS
from jasco.data.manifest import Recording, read_manifest
from jasco.data.track_file import is_duration
from jasco.errors import DataError, JascoError


@dataclass(frozen=True)
class RawTrack:
    """Recording with its fields.

    Attributes:
        path: audio file.
        num_frames: length (whole latent frames).
        fields: fields of the manifest.
    """

    path: Path
    num_frames: int
    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Path, unique within the manifest."""
        return str(self.path)


@dataclass(frozen=True, eq=False)
class RawClip:
    """Segment of a recording with its conditions.

    Attributes:
        audio: (channels, N) at the codec's rate, padded with silence.
        length: number of latent frames before padding.
        conditions: controls of these frames, without text.
    """

    audio: Tensor
    length: int
    conditions: Conditions


class RawAudioDataset:
    """Recordings of a manifest, decoded on the fly.

    Args:
        manifest: JSONL file.
        controls: controls of the clips, of `jasco.controls.CONTROLS`.
        sample_rate: sample rate of the codec (Hz).
        channels: audio channels of the codec.
        hop_length: samples per latent frame.

    Raises:
        DataError: the manifest or a recording cannot be read, or a recording lacks a control.
    """

    def __init__(
        self,
        manifest: str | os.PathLike[str],
        controls: tuple[str, ...],
        *,
        sample_rate: int,
        channels: int,
        hop_length: int,
    ) -> None:
        self.folder = Path(manifest).expanduser().absolute().parent
        self.controls = controls
        self.sample_rate, self.channels, self.hop_length = sample_rate, channels, hop_length
        self.tracks = [self._track(recording) for recording in read_manifest(manifest)]
        for control in controls:
            without = [str(t.path) for t in self.tracks if t.fields.get(control) is None]
            if without:
                raise DataError(
                    f"{len(without)} of {len(self.tracks)} recordings have no {control}, such as "
                    f"{without[0]}: name them in {manifest}, or prepare them with jasco-prepare"
                )
            kinds = CONTROLS[control].types
            for track in self.tracks:
                if not isinstance(track.fields[control], kinds):
                    raise DataError(
                        f"{track.path}: {control} in {manifest} is {track.fields[control]!r:.60}, "
                        "not the path of a file"
                    )

    @classmethod
    def for_model(
        cls, manifest: str | os.PathLike[str], controls: Sequence[str], model: Any
    ) -> RawAudioDataset:
        """Recordings at the sample rate and with the channels of the codec of a `Jasco`.

        Raises:
            DataError: see `RawAudioDataset`.
        """
        codec = model.codec
        return cls(
            manifest,
            tuple(controls),
            sample_rate=codec.sample_rate,
            channels=codec.channels,
            hop_length=codec.hop_length,
        )

    def clip(self, index: int, start_frame: int, num_frames: int) -> RawClip:
        """Segment of a recording; where the format allows it, nothing else is read.

        Args:
            index: index of the recording.
            start_frame: first latent frame.
            num_frames: length (latent frames).

        Raises:
            DataError: the audio or a control cannot be read.
        """
        track = self.tracks[index]
        frame_rate = self.sample_rate / self.hop_length
        span = Span(start_frame, start_frame + num_frames, track.num_frames, frame_rate)
        start = start_frame * self.hop_length / self.sample_rate
        duration = num_frames * self.hop_length / self.sample_rate
        try:
            audio = self._read(track.path, start, duration)
            values = {
                c: CONTROLS[c].value_class.from_fields(track.fields, c, self, span)
                for c in self.controls
            }
        except JascoError as error:
            raise DataError(f"{track.path}: {error}") from error
        wav, samples = audio.with_channels(self.channels).samples, num_frames * self.hop_length
        return RawClip(
            audio=F.pad(wav, (0, samples - wav.shape[1])),
            length=min(num_frames, track.num_frames - start_frame),
            conditions=Conditions(**values),
        )

    def audio(self, path: Path, start: float, end: float) -> Audio:
        """Audio of a file between two times (s), at the codec's rate."""
        return self._read(path, start, end - start)

    def _track(self, recording: Recording) -> RawTrack:
        if recording.problem:
            raise DataError(recording.problem)
        duration = recording.fields.get("duration")
        if not isinstance(duration, int | float) or not is_duration(duration):
            duration = probe(recording.path).duration
        frames = int(duration * self.sample_rate) // self.hop_length
        return RawTrack(recording.path, frames, recording.fields)

    def _read(self, path: Path, start: float, duration: float) -> Audio:
        """Segment of at most ``duration`` (s), at the codec's rate."""
        audio = load_audio(path, start=start, duration=duration).resample(self.sample_rate)
        return Audio(audio.samples[:, : round(duration * self.sample_rate)], self.sample_rate)
