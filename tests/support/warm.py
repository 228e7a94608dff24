"""Command lines in processes that have imported their packages: each start saves 3 to 9 seconds.

They are forks of one process without anything of pytest in it, which does nothing but import.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shlex
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
IMPORTED = [
    *(place.partition(":")[0] for place in PROGRAMS.values()),
    "transformers.models.t5.modeling_t5",
    "jasco.model",
    "jasco.pipeline.check",
    "jasco.training.module",
    "jasco.evaluation.run",
]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(IMPORTED)


def words_of(command: str) -> list[str] | None:
    """Words of a command of Jasco, or None for one that needs a shell or is of another program."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    operators = any(set(word) <= set("();<>|&") for word in words)
    return None if words[0] not in PROGRAMS or operators or "$" in command else words


def run_words(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a program in a folder; returns what it says, and fails with it."""
    return _run(_program, list(words), folder, environment)


def run_python(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run a script in a folder; returns what it says, and fails with it."""
    return _run(_script, text, folder, environment)


def _run(target: Any, given: Any, folder: Path, environment: Mapping[str, str]) -> str:
    with tempfile.NamedTemporaryFile() as said:
        # The first start also starts the process that imports: the Hub's cache is read there.
        with mock.patch.dict(os.environ, environment):
            arguments = (target, given, str(folder), dict(environment), said.name)
            process = _context.Process(target=_begin, args=arguments)
            process.start()
        process.join()
        text = said.read().decode()
    assert process.exitcode == 0, text
    return text


def _begin(target: Any, given: Any, folder: str, environment: dict[str, str], said: str) -> None:
    """Be in a folder and an environment, and write to a file."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    file = os.open(said, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    target(given)


def _program(words: list[str]) -> NoReturn:
    """Be a console script."""
    sys.argv = words
    module, _, function = PROGRAMS[words[0]].partition(":")
    sys.exit(getattr(importlib.import_module(module), function)())


def _script(text: str) -> None:
    sys.argv = ["-"]
    exec(compile(text, "<page>", "exec"), {"__name__": "__main__"})
