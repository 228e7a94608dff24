"""The fenced blocks of the README and the commands in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its section, the line its first line has in the README."""

    language: str
    section: str
    line: int
    text: str


def blocks() -> Iterator[Block]:
    section, language, start, body = "", None, 0, []
    for number, line in enumerate(README.splitlines(), 1):
        if language is None:
            if line.startswith("## "):
                section = line[3:]
            elif line.startswith("```"):
                language, start, body = line[3:], number + 1, []
        elif line == "```":
            yield Block(language, section, start, "\n".join(body))
            language = None
        else:
            body.append(line)


def commands(block: Block) -> list[str]:
    """The commands of a bash block, a continued one as one."""
    joined = block.text.replace("\\\n", " ").splitlines()
    return [line for line in joined if line.strip() and not line.startswith("#")]
