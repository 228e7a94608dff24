"""Recordings that have not been prepared: audio and controls as a manifest gives them.

Beside ``path`` a line may hold ``duration`` (s), the fields that text is made of, and the controls:
``chords`` as `ChordProgression` reads them or a ``.lab``, ``.jams``, ``.json`` or ``.txt`` file,
with ``bpm``, ``time_signature``, ``key``, ``notation`` and ``annotation`` where they need them;
``drums``, a recording of the drums alone from the same start; ``melody``, a file that `Melody`
loads. Paths are relative to the manifest. Nothing is computed from the audio: that is what
preparation is for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
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
class RecordedTrack:
    """A recording and what the manifest says of it.

    Attributes:
        path: audio file.
        num_frames: whole latent frames that it lasts.
        fields: of the manifest.
    """

    path: Path
    num_frames: int
    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The path: no two recordings share it."""
        return str(self.path)


@dataclass(frozen=True, eq=False)
class RecordedClip:
    """A slice of a recording.

    Attributes:
        audio: (channels, N) at the codec's rate, silent from the end of the recording on.
        length: latent frames that are real.
        conditions: chords, drums and melody of these frames, without text.
    """

    audio: Tensor
    length: int
    conditions: Conditions


class RawAudioDataset:
    """Recordings of a manifest, read and cut when asked for.

    Args:
        manifest: JSONL file.
        controls: those that clips are to have, of `jasco.controls.CONTROLS`.
        sample_rate: of the codec (Hz).
        channels: audio channels of the codec.
        hop_length: samples of a latent frame.

    Raises:
        DataError: the manifest or a recording cannot be read, or a recording has no such control.
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

    def clip(self, index: int, start_frame: int, num_frames: int) -> RecordedClip:
        """A slice of a recording; only the slice is read, where the format allows it.

        Args:
            index: of the recording.
            start_frame: first latent frame.
            num_frames: length (latent frames).

        Raises:
            DataError: its audio or a control cannot be read; the message names the recording.
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
        wav, samples = audio.samples, num_frames * self.hop_length
        wav = (audio.mono().samples if self.channels == 1 else wav).expand(self.channels, -1)
        return RecordedClip(
            audio=F.pad(wav, (0, samples - wav.shape[1])),
            length=min(num_frames, track.num_frames - start_frame),
            conditions=Conditions(**values),
        )

    def audio(self, path: Path, start: float, end: float) -> Audio:
        """Audio of a file beside the manifest between two times (s), at the codec's rate."""
        return self._read(path, start, end - start)

    def _track(self, recording: Recording) -> RecordedTrack:
        if recording.problem:
            raise DataError(recording.problem)
        duration = recording.fields.get("duration")
        if not isinstance(duration, int | float) or not is_duration(duration):
            duration = probe(recording.path).duration
        frames = int(duration * self.sample_rate) // self.hop_length
        return RecordedTrack(recording.path, frames, recording.fields)

    def _read(self, path: Path, start: float, duration: float) -> Audio:
        """A slice at the codec's rate, no longer than asked."""
        audio = load_audio(path, start=start, duration=duration).resample(self.sample_rate)
        return Audio(audio.samples[:, : round(duration * self.sample_rate)], self.sample_rate)
