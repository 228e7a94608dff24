"""Plan of the takes: their requests, seeds and files, checked before any is generated."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jasco.errors import SettingError
from jasco.pipeline.loops import STDOUT
from jasco.pipeline.outputs import check_output, companions, picture_of
from jasco.pipeline.request import Request, labelled
from jasco.session.paths import check_session

MAX_TAKES = 100_000
GPU_BATCH = 4
"""Takes of a batch on a GPU by default; on a CPU one."""

PADDING = 0.25
"""Most padding of a clip of a batch, as a share of its length."""


@dataclass(frozen=True)
class Take:
    """One file of a request.

    Attributes:
        request: request of the take.
        seeds: seeds to try, of which the best is kept.
        path: file of the take; its session, where that alone is written.
        checked: an adherence report is made of it.
        session: session of the take; ``None`` for none.
    """

    request: Request
    seeds: range
    path: Path
    checked: bool
    session: Path | None = None

    @property
    def settings(self) -> tuple[object, ...]:
        """Settings that are equal for all takes of a batch."""
        request = self.request
        special = request.edit is not None or request.loop is not None or request.stream
        alone = id(request) if special else None
        solver = request.solver, request.steps, request.shift
        length = request.duration if request.sections else request.duration is None
        return length, solver, request.sections, request.adapters, alone


def groups(takes: Iterable[Take]) -> Iterator[list[Take]]:
    """Consecutive takes of equal settings and near lengths, which may run in one batch."""
    group: list[Take] = []
    shortest = longest = 0.0
    for take in takes:
        length = take.request.duration or 0.0
        shortest, longest = min(shortest, length), max(longest, length)
        if group and not (take.settings == group[0].settings and are_near(shortest, longest)):
            yield group
            group = []
        if not group:
            shortest = longest = length
        group.append(take)
    if group:
        yield group


def are_near(shortest: float, longest: float) -> bool:
    """True for lengths (s) of clips that run in one batch."""
    return longest <= (1 + PADDING) * shortest


class Plan:
    """Takes of all requests in order, each with its seeds and its file.

    Takes that share a name are numbered: ``song-1.flac``, ``song-2.flac``. Only names and counts
    are kept, so that the plan of many requests is small.

    Args:
        requests: requests, each with an output.
        read: files that are read besides those of the requests, and must not be written.
        check: make an adherence report of each take, and not only of the best of several.

    Raises:
        SettingError: no output, too many takes, a file for two takes, or one that is read too.
        AudioError: an output that cannot be written.
    """

    def __init__(
        self, requests: Sequence[Request], read: Iterable[Path] = (), *, check: bool = False
    ) -> None:
        self.requests, self.check = requests, check
        self._wanted: Counter[str] = Counter()
        kept = {place for path in read for place in _places(path)}
        for request in requests:
            kept |= {place for path in request.files for place in _places(path)}
            with labelled(request.label):
                target = request.output or request.timing.session
                if target is None:
                    raise SettingError(
                        "no output: give one, or -o FILE for all (.wav, .flac, .mp3, .ogg)"
                    )
                self._wanted[_place(target)] += request.samples
                if request.stream and check:
                    raise SettingError("a stream is written before it could be checked: leave one")
        if len(self) > 1 and STDOUT in map(str, (request.output for request in requests)):
            raise SettingError("the standard output takes one take: give files for several")
        if len(self) > MAX_TAKES:
            raise SettingError(
                f"{len(self):,} takes are asked for: make fewer at once, at most {MAX_TAKES:,}"
            )
        self._check_names(kept)

    def __len__(self) -> int:
        return self._wanted.total()

    def __iter__(self) -> Iterator[Take]:
        for request, names in self._names():
            seed = secrets.randbelow(2**31) if request.seed is None else request.seed
            tried = request.best_of
            for sample, path in enumerate(names):
                seeds = range(seed + sample * tried, seed + (sample + 1) * tried)
                yield Take(request, seeds, path, self._checks(request), session_of(request, path))

    @property
    def checked(self) -> list[Request]:
        """Requests whose takes get an adherence report."""
        return [request for request in self.requests if self._checks(request)]

    def _checks(self, request: Request) -> bool:
        return self.check or request.best_of > 1

    def _names(self) -> Iterator[tuple[Request, list[Path]]]:
        """Files of each request."""
        made: Counter[str] = Counter()
        for request in self.requests:
            output = request.output or request.timing.session or Path()
            place = _place(output)
            first, several = made[place] + 1, self._wanted[place] > 1
            made[place] += request.samples
            yield (
                request,
                [
                    output.with_stem(f"{output.stem}-{number}") if several else output
                    for number in range(first, first + request.samples)
                ],
            )

    def _check_names(self, kept: set[str]) -> None:
        """Refuse files that cannot be written, that two takes share, or that are read."""
        taken: set[str] = set()
        for request, names in self._names():
            if request.stream and str(request.output) == STDOUT:
                continue
            with labelled(request.label):
                if request.output is not None:
                    check_output(names[-1])  # the longest
                for path in names:
                    session = session_of(request, path)
                    made = {} if session is None else dict.fromkeys(check_session(session))
                    files = [*made, *([path] if request.output is not None else [])]
                    for file in [*files, *([picture_of(path)] if self._checks(request) else [])]:
                        if _place(file) in taken:
                            raise SettingError(f"{file} is the output of two takes: name another")
                        taken.add(_place(file))
                    for file in (*made, path, *companions(path)):
                        if _place(file) in kept:
                            raise SettingError(
                                f"{file} is read and would be overwritten: name another"
                            )


def session_of(request: Request, path: Path) -> Path | None:
    """Session of a take whose file is ``path``, numbered as the file is; ``None`` without one."""
    session = request.timing.session
    if session is None or request.output is None:
        return session and path
    number = path.stem.removeprefix(request.output.stem)
    return session.with_stem(session.stem + number)


def _place(path: Path) -> str:
    """Canonical name of a file: links in its folder are followed, the file itself is not."""
    return os.path.join(_folder(path.parent), path.name)


@lru_cache(maxsize=256)
def _folder(path: Path) -> str:
    return os.path.realpath(path)


def _places(path: Path) -> set[str]:
    """Canonical names of a file that is read: its own, and that of the target of a link."""
    return {_place(path), os.path.realpath(path)}
