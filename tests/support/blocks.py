"""Fenced blocks of the README and of the pages in ``docs/``, and the commands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {"README.md": README} | {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted((ROOT / "docs").glob("*.md"))
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its page, its section, and its first line in the page."""

    language: str
    page: str
    section: str
    line: int
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}, {self.section}" if self.section else self.page


def blocks() -> Iterator[Block]:
    for page, content in PAGES.items():
        section, language, start, body = "", None, 0, []
        for number, line in enumerate(content.splitlines(), 1):
            if language is None:
                if line.startswith("## "):
                    section = line[3:]
                elif line.startswith("```"):
                    language, start, body = line[3:], number + 1, []
            elif line == "```":
                yield Block(language, page, section, start, "\n".join(body))
                language = None
            else:
                body.append(line)


def commands(block: Block) -> list[str]:
    """Commands of a bash block; continued lines and here-documents belong to theirs."""
    joined = block.text.replace("\\\n", " ")
    found = re.finditer(r"^.*<<'(\w+)'\n[\s\S]*?^\1$|^.+$", joined, re.MULTILINE)
    return [
        line for line in map(re.Match.group, found) if line.strip() and not line.startswith("#")
    ]
