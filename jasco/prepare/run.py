"""Run of the preparation: passes over the recordings, the index and the quarantine.

A track is keyed by the content of its audio file. Its file is written whole and holds the signature
of every stage that was run, so that a run that is killed loses only the tracks that it was working
on, and a later run makes only those that are missing or outdated.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from jasco.controls import CONTROLS
from jasco.data import prepared, track_file
from jasco.data.manifest import Recording
from jasco.errors import DataError, JascoError, SettingError
from jasco.io.jsonl import read_lines, write_lines
from jasco.prepare.executors import Executor, Job, Pass
from jasco.prepare.passes import PARKED, DecodePass, ModelPass
from jasco.prepare.stages.stage import Stage

QUARANTINE = "quarantine.jsonl"


@dataclass
class Summary:
    """Counts and times of a run of the preparation.

    Attributes:
        done: number of tracks of which a stage was run.
        skipped: number of tracks that were complete.
        quarantined: number of recordings that could not be used.
        repeated: number of recordings whose content, or path, came before in the manifest.
        audio: length of the audio that was processed (s).
        elapsed: time of the run (s).
        stages: audio (s) and time of the workers (s), of each stage and of reading.
    """

    done: int = 0
    skipped: int = 0
    quarantined: int = 0
    repeated: int = 0
    audio: float = 0.0
    elapsed: float = 0.0
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, job: Job) -> None:
        """Count a recording."""
        if job.outcome == "done":
            self.audio += job.duration
        for stage, seconds in job.seconds.items():
            audio, busy = self.stages.get(stage, (0.0, 0.0))
            self.stages[stage] = audio + job.duration, busy + seconds

    def __str__(self) -> str:
        counts = f"{self.done} done, {self.skipped} skipped, {self.quarantined} quarantined"
        counts += f", {self.repeated} repeated" if self.repeated else ""
        speed = self.audio / self.elapsed if self.elapsed else 0.0
        lines = [f"{counts}; {self.audio / 3600:.2f} h of audio at {speed:.1f} times real time"]
        for stage, (audio, busy) in self.stages.items():
            lines.append(f"  {stage:8} {audio / max(busy, 1e-9):8.1f} times real time per worker")
        return "\n".join(lines)


def prepare(
    recordings: Sequence[Recording],
    root: Path,
    stages: Sequence[Stage],
    executor: Executor,
    *,
    progress: bool = True,
) -> Summary:
    """Prepare recordings, each track in one file, and write the index and the quarantine.

    Results depend neither on the executor nor on the order of its work, nor on how often it was
    killed before: the same recordings give the same bytes on the same kind of machine. Tracks of
    earlier runs over other recordings stay.

    Args:
        recordings: recordings of a manifest. Of those with equal content the first counts.
        root: folder of the dataset, made where missing.
        stages: stages to run where their result is missing or outdated.
        executor: executor of the passes.
        progress: show a bar with rate and time left.

    Returns:
        Counts and speeds. Recordings that cannot be used are no error.

    Raises:
        SettingError: no stages, or another run is writing there.
        MissingPartError, CheckpointError: a part that a stage needs is missing; this shows before
            the first recording.
        JascoError: no recording can be prepared any more, such as on a full disk.
    """
    if not stages:
        raise SettingError(f"no stages: give some of latents, {', '.join(CONTROLS)}")
    signatures = {stage.name: stage.signature() for stage in stages}
    channels = max(stage.channels for stage in stages)
    passes: list[Pass] = [DecodePass(root, _of_kind("processor", stages), signatures, channels)]
    if models := _of_kind("model", stages):
        passes.append(ModelPass(root, models, signatures))
    numbers: dict[Path, int] = {}
    for number, recording in enumerate(recordings):
        numbers.setdefault(recording.path, number)
    ended = []
    jobs = []
    for path, number in numbers.items():
        problem, job = recordings[number].problem, Job(number, str(path))
        if problem is None:
            jobs.append(job)
        else:
            ended.append(job.ended("bad", problem))

    summary, start = Summary(), time.perf_counter()
    with _workplace(root):
        try:
            for job in _progress(executor, jobs, passes, progress):
                summary.add(job)
                ended.append(job)
        finally:
            _record(root, recordings, ended)
    made = {job.id for job in ended if job.outcome == "done"}
    held = {job.id for job in ended if job.outcome == "skipped"} - made
    summary.done, summary.skipped = len(made), len(held)
    summary.quarantined = sum(job.outcome == "bad" for job in ended)
    summary.repeated = len(recordings) - len(made) - len(held) - summary.quarantined
    summary.elapsed = time.perf_counter() - start
    return summary


def _of_kind(needs: str, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    return tuple(stage for stage in stages if stage.needs == needs)


def _progress(
    executor: Executor, jobs: Sequence[Job], passes: Sequence[Pass], shown: bool
) -> Iterator[Job]:
    """Run jobs under a bar with rate and time left."""
    if not jobs:
        return
    audio, bad, start = 0.0, 0, time.perf_counter()
    with (
        closing(executor.run(jobs, passes)) as running,
        tqdm(total=len(jobs), desc="prepare", unit="track", disable=not shown) as bar,
    ):
        for job in running:
            if job.outcome == "fatal":
                raise JascoError(job.reason)
            audio += job.duration
            bad += job.outcome == "bad"
            speed = audio / (time.perf_counter() - start)
            bar.set_postfix_str(f"{speed:.1f} times real time, {bad} bad", refresh=False)
            bar.update()
            yield job


@contextmanager
def _workplace(root: Path) -> Iterator[None]:
    """Folders of a dataset, locked for this run, without the partial files of a killed one."""
    for folder in (root / track_file.TRACKS, root / PARKED):
        folder.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        tracks = root / track_file.TRACKS
        # safetensors writes into a file of its own first, whose name is .tmp and six characters.
        unfinished = (*tracks.glob(".*.part"), *tracks.glob(".tmp??????"))
        for left in (*unfinished, *(root / PARKED).iterdir()):
            left.unlink(missing_ok=True)
        yield
        shutil.rmtree(root / PARKED, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other runs, until the block or the process ends."""
    try:
        import fcntl
    except ImportError:  # not on this system: two runs at a time are the user's to avoid
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingError(
                f"another run is writing to {folder}: wait for it, or give another out="
            ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


def _record(root: Path, recordings: Sequence[Recording], ended: Sequence[Job]) -> None:
    """Write index and quarantine: recordings of this run, and of earlier runs over other files."""
    bad = {job.path: job for job in ended if job.outcome == "bad"}
    good = sorted((job for job in ended if job.path not in bad), key=lambda job: -job.number)
    first = {job.id: job for job in good}  # later entries replace earlier ones: the lowest number
    tracks = []
    for id, job in first.items():
        header = track_file.read_header(root / track_file.track_file(id))
        tracks.append(prepared.make_track(header, job.path, recordings[job.number].fields))
    seen = {job.path: job.id for job in ended}
    for track in _earlier_tracks(root):
        # A file that has another content now is another track; one that failed keeps what it has.
        if track.id not in first and seen.get(track.path, track.id) == track.id:
            tracks.append(track)
    prepared.write_index(root, tracks)

    rows = {path: {"path": path, "reason": job.reason} for path, job in bad.items()}
    for row in _earlier_rows(root):
        if row.get("path") not in seen:
            rows[row["path"]] = row
    write_lines(root / QUARANTINE, (rows[path] for path in sorted(rows)))


def _earlier_tracks(root: Path) -> list[prepared.Track]:
    """Tracks of earlier runs whose files are there; none where the index cannot be read."""
    with suppress(DataError):
        return [t for t in prepared.read_index(root) if (root / t.file).is_file()]
    return []


def _earlier_rows(root: Path) -> list[dict[str, Any]]:
    with suppress(DataError):
        return [row for _, row in read_lines(root / QUARANTINE) if "path" in row]
    return []
