"""Synthesis run: songs are rendered, encoded, and stored with their exact labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from tqdm import tqdm

from jasco.audio import load_channels, load_mono
from jasco.band import VERSION, Song
from jasco.band.folder import MANIFEST, Band
from jasco.checkpoint.codec import CodecSource
from jasco.codec import EnCodec
from jasco.control_value import ControlValue
from jasco.controls import CONTROLS
from jasco.controls.spec import imported
from jasco.data import prepared, track_file
from jasco.data.track_file import Signature
from jasco.errors import JascoError, SettingError
from jasco.extract.latents import num_frames
from jasco.io.jsonl import write_lines
from jasco.notices import describe
from jasco.prepare.executors import Executor, Job, Pass
from jasco.prepare.passes import content_hash
from jasco.prepare.stages.latents import LatentStage
from jasco.prepare.stages.stage import Stage

EXACT = "exact"
"""Subfolder of the prepared dataset with exact labels."""

STATED: dict[str, Callable[[Song, float], ControlValue]] = {
    "chords": lambda song, frame_rate: song.chords,
    "melody": lambda song, frame_rate: song.melody(frame_rate),
}
"""Controls that a score states, at a frame rate (Hz); all others are extracted from the audio."""


@dataclass(frozen=True)
class Summary:
    """Counts and times of a synthesis run.

    Attributes:
        songs: number of songs in the folder.
        played: number of songs rendered by this run.
        labelled: number of songs labelled by this run.
        audio: length of the rendered audio (s).
        elapsed: duration of the run (s).
        busy: time that processes spent on rendering (s).
    """

    songs: int
    played: int
    labelled: int
    audio: float
    elapsed: float
    busy: float

    def __str__(self) -> str:
        speed = self.audio / max(self.busy, 1e-9)
        played = f"{self.played} played at {speed:.0f} times real time a process"
        return f"{self.songs} songs, {played}, {self.labelled} labelled, in {self.elapsed:.0f} s"


@dataclass(frozen=True)
class RenderPass:
    """Pass that renders the song of a job; see `jasco.prepare.executors.Pass`."""

    band: Band

    needs: ClassVar[Literal["processor", "model"]] = "processor"

    def open(self, device: torch.device) -> Callable[[Job], Job]:
        """Function that renders the song of a job; no model is loaded."""
        return lambda job: _guarded(self._play, job)

    def _play(self, job: Job) -> Job:
        start = time.perf_counter()
        if not self.band.play(job.number):
            return job
        return replace(job, seconds={"playing": time.perf_counter() - start})


@dataclass(frozen=True)
class LabelPass:
    """Pass that writes the track of a rendered song with its exact labels.

    Args:
        band: songs and their paths.
        root: folder of the prepared dataset.
        codec: codec of the latents of the mix and the codes of the isolated drums.
        signatures: stage signatures, see `exact_signatures`.
    """

    band: Band
    root: Path
    codec: CodecSource
    signatures: Mapping[str, Signature]

    needs: ClassVar[Literal["processor", "model"]] = "model"

    def open(self, device: torch.device) -> Callable[[Job], Job]:
        """Function that labels the song of a job; loads the codec."""
        codec = self.codec.load(device)
        encode = LatentStage(self.codec).open(device)
        stages = _stages(self.codec)
        extracts = {name: stage.open(device) for name, stage in stages.items()}

        def label(job: Job) -> Job:
            path = self.band.mix(job.number)
            job = replace(job, id=content_hash(path))
            held = track_file.find_header(self.root / track_file.track_file(job.id))
            if held is not None and held.stages == self.signatures:
                return job
            whole = load_channels(path, codec.channels)
            mix = whole.mono()
            tensors = {
                **encode(whole),
                **exact_labels(self.band.song(job.number), num_frames(mix, codec), codec),
            }
            isolated = self.band.isolated(job.number)
            for name, extract in extracts.items():
                tensors |= extract(load_mono(isolated[name]) if name in isolated else mix)
            track_file.write_track(self.root, job.id, mix.duration, self.signatures, tensors)
            return replace(job, todo=tuple(self.signatures))

        return lambda job: _guarded(label, job)


def exact_labels(song: Song, frames: int, codec: EnCodec) -> dict[str, torch.Tensor]:
    """Controls that the score of a song states, in the tensors of a prepared track.

    Args:
        song: composed song.
        frames: number of latent frames T of its mix.
        codec: codec whose frame rate applies.
    """
    tensors: dict[str, torch.Tensor] = {}
    for state in STATED.values():
        tensors |= state(song, codec.frame_rate).pack(frames, codec.frame_rate)
    return tensors


def exact_signatures(codec: CodecSource) -> dict[str, Signature]:
    """Signatures of exact labels by stage; that of the latents is the same as for recordings."""
    score = {"version": 1, "band": VERSION}
    signatures: dict[str, Signature] = {"latents": LatentStage(codec).signature()}
    stages = _stages(codec)
    for name, spec in CONTROLS.items():
        if name in stages:
            signatures[name] = {**stages[name].signature(), "band": VERSION}
        elif spec.value_class.per_frame:
            signatures[name] = {**score, "frame_rate": codec.facts()["frame_rate"]}
        else:
            signatures[name] = score
    return signatures


def _stages(codec: CodecSource) -> dict[str, Stage]:
    """Stages of the controls that are extracted from the rendered song, by name."""
    return {
        name: imported(spec.stage).for_song(codec)
        for name, spec in CONTROLS.items()
        if name not in STATED
    }


def synthesize(
    band: Band,
    songs: int,
    executor: Executor,
    *,
    codec: CodecSource | None = None,
    progress: bool = True,
) -> Summary:
    """Render songs into a folder and, with a codec, write a prepared dataset with exact labels.

    Existing files are kept, so that a run continues where a killed one stopped, and a later run may
    add songs. The same seed and length give the same bytes.

    Args:
        band: seed, length and folder of the songs.
        songs: number of songs, numbered from 0.
        executor: executor of the passes.
        codec: codec of the model to train; ``None`` for audio and manifest alone.
        progress: show a progress bar.

    Raises:
        SettingError: no songs, or the folder holds a band of another recipe.
        MissingPartError, CheckpointError: FluidSynth, the soundfont or the codec is missing.
        JascoError: a song could not be played or labelled.
    """
    if songs < 1 or band.seconds < 1:
        raise SettingError(f"{songs} songs of {band.seconds} s: give at least one, of 1 s or more")
    band.begin()
    passes: list[Pass] = [RenderPass(band)]
    root = band.out / EXACT
    if codec is not None:
        (root / track_file.TRACKS).mkdir(parents=True, exist_ok=True)
        passes.append(LabelPass(band, root, codec, exact_signatures(codec)))
    jobs = [Job(number, str(band.mix(number))) for number in range(songs)]
    start, ended = time.perf_counter(), []
    with (
        closing(executor.run(jobs, passes)) as running,
        tqdm(total=songs, desc="band", unit="song", disable=not progress) as bar,
    ):
        for job in running:
            if job.outcome:
                raise JascoError(f"song {job.number}: {job.reason}")
            ended.append(job)
            bar.update()
    ended.sort(key=lambda job: job.number)
    write_lines(band.out / MANIFEST, (band.row(job.number) for job in ended))
    if codec is not None:
        prepared.write_index(root, [_track(band, root, job) for job in ended])
    busy = [job.seconds["playing"] for job in ended if job.seconds]
    return Summary(
        songs=songs,
        played=len(busy),
        labelled=sum(bool(job.todo) for job in ended),
        audio=band.seconds * len(busy),
        elapsed=time.perf_counter() - start,
        busy=sum(busy),
    )


def _track(band: Band, root: Path, job: Job) -> prepared.Track:
    header = track_file.read_header(root / track_file.track_file(job.id))
    isolated = {name: str(path) for name, path in band.isolated(job.number).items()}
    fields = {**band.row(job.number), **isolated}
    del fields["path"]
    return prepared.make_track(header, job.path, fields)


def _guarded(work: Callable[[Job], Job], job: Job) -> Job:
    """Result of a job; an exception ends it as fatal, because no song may be missing."""
    try:
        return work(job)
    except Exception as error:
        return job.ended("fatal", describe(error))
