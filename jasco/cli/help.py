"""``--help`` of the command lines that Hydra composes: experiments, groups and settings.

All of it is read from the comments of the configuration files, with nothing imported but YAML.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from jasco.io.assets import package_dir

_WIDTH = 100


def print_help(config_name: str, groups: Mapping[str, str]) -> bool:
    """Print `help_text` where a word of the command line asks for it; True if one does."""
    asked = not {"-h", "--help"}.isdisjoint(sys.argv[1:])
    if asked:
        print(help_text(config_name, groups), end="")
    return asked


def help_text(config_name: str, groups: Mapping[str, str]) -> str:
    """Text of ``--help``.

    Args:
        config_name: name of the root configuration, whose comment at the head is the shortest call
            in its first line, then the purpose of the program.
        groups: group by its override (``codec@model.codec``), with its description; the group is
            the part before ``@``.
    """
    usage, *summary = _head(package_dir("conf") / f"{config_name}.yaml")
    parts = [f"{usage}\n\n{_filled(' '.join(summary))}"]
    own = f"experiment/{config_name}"
    if is_group(own):
        parts.append("Experiments (experiment=NAME):\n" + _table(own))
    for word, text in groups.items():
        parts.append(f"{text} ({word}=NAME):\n" + _table(word.partition("@")[0]))
    settings = "\n".join(f"  {line}" for line in _settings(config_name))
    parts.append(f"Settings (KEY=VALUE):\n{settings}")
    parts.append(
        _filled(
            "Every value of a chosen experiment or group is a setting too, such as "
            f"{_EXAMPLES[config_name]}; --cfg job shows them all. --multirun with several values "
            "of a key (KEY=A,B) runs each."
        )
    )
    return "\n\n".join(parts) + "\n"


_EXAMPLES = {
    "train": "trainer.max_steps=2",
    "evaluate": "solver.steps=25",
    "prepare": "executor.workers=4",
    "synthesize": "executor.workers=4",
}


def is_group(name: str) -> bool:
    """True where the configuration has a group of this name."""
    return (package_dir("conf") / name).is_dir()


def choices(group: str) -> list[str]:
    """Names of the configurations of a group."""
    return sorted(path.stem for path in (package_dir("conf") / group).glob("*.yaml"))


def describe(path: Path) -> str:
    """First clause of the comment at the head of a configuration file."""
    return re.split(r"[.:;](?:\s|$)", " ".join(_head(path)))[0]


def _head(path: Path) -> list[str]:
    lines = takewhile(lambda line: line.startswith("#"), path.read_text("utf-8").splitlines())
    return [line.removeprefix("#").strip() for line in lines if "@package" not in line]


def _settings(config_name: str) -> Iterator[str]:
    """Lines of the root configuration with comments, without the settings of Hydra."""
    path = package_dir("conf") / f"{config_name}.yaml"
    ours = True
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"\w", line):
            ours = not line.startswith(("defaults:", "hydra:"))
        if ours and line and not re.match(r"#| *_target_:", line):
            yield line


def _table(group: str) -> str:
    """Choices of a group and their descriptions."""
    folder = package_dir("conf") / group
    rows = {name: describe(folder / f"{name}.yaml") for name in choices(group)}
    width = max(map(len, rows)) + 4
    return "\n".join(
        textwrap.fill(
            f"  {name:<{width - 2}}{text}", _WIDTH, subsequent_indent=" " * width,
            break_on_hyphens=False,
        )
        for name, text in rows.items()
    )  # fmt: skip


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False)
