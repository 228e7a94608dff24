"""Takes of ``jasco-generate --server URL``."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack

from tqdm import tqdm

from jasco.errors import SettingError
from jasco.notices import describe, show, tell
from jasco.pipeline.loops import STDOUT
from jasco.pipeline.plan import Plan, Take
from jasco.pipeline.remote import Server

KEY_VARIABLE = "JASCO_SERVE_KEY"
"""Key of the server, or of its client."""
_HERE = {
    "take": "--from",
    "model": "--model",
    "device": "--device",
    "dtype": "--dtype",
    "threads": "--threads",
    "batch_size": "--batch-size",
    "revision": "--revision",
    "check": "--check",
    "no_recipe": "--no-recipe",
    "c2pa": "--c2pa",
}


def generate_remotely(url: str, plan: Plan) -> int:
    """Generate the takes of a plan on a server; a request that it refuses costs its takes only.

    Returns:
        Exit code.
    """
    server = Server(url, os.environ.get(KEY_VARIABLE))
    server.wait()
    failed = 0
    for take in plan:
        try:
            _generate(server, take)
        except SettingError as error:
            if len(plan) == 1:
                raise
            failed += 1
            tell(f"error: {take.path}: {describe(error)}")
    if failed:
        raise SettingError(f"{failed:,} of {len(plan):,} takes are not made, see above")
    return 0


def _generate(server: Server, take: Take) -> None:
    if take.request.stream:
        with ExitStack() as stack:
            file = sys.stdout.buffer
            if str(take.path) != STDOUT:
                take.path.parent.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(take.path.open("wb"))
            server.stream(take, file)
        return
    with tqdm(total=None, desc=server.url, unit="step") as bar:

        def report(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        job = server.generate(take, report)
    for note in job["notes"]:
        tell(note)
    show(f"{take.path}: seed {job['seed']}, {job['duration']:.2f} s; by {server.url}")


def check_remote(args: argparse.Namespace, plan: Plan | None) -> None:
    """Refuse options about the model or its takes that a server has no part for.

    Raises:
        SettingError: the options.
    """
    given = [flag for name, flag in _HERE.items() if getattr(args, name, None)]
    for take in plan or ():
        best, session = take.request.best_of > 1, take.request.timing.session is not None
        given += ["--best-of"] * best + ["--session"] * session
        if take.request.adapters:
            given.append("--adapter")
    if given:
        names = ", ".join(dict.fromkeys(given))
        raise SettingError(f"--server makes takes with a model of its own: leave out {names}")
