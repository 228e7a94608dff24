"""Write ``assets/demo/LEDGER.md``: sources and licences of the songs and weights of the demo.

Facts are taken from where the recipe has them: the tables of the band, the licence of its
soundfont, the weight files and the model card, which states the songs of each training stage.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jasco.band.instruments import BASSES, KITS, PITCHED
from jasco.errors import DataError

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "assets/demo"
LEDGER = DEMO / "LEDGER.md"


class Songs(NamedTuple):
    """Set of songs: what it trained, their number, version of the band, seed and length (s)."""

    trained: str
    number: int
    version: int
    seed: int
    seconds: int = 20


SONGS = (
    Songs("codec; 1,300 of them the flow", 1700, 2, 0),
    Songs("flow", 1000, 3, 1),
    Songs("flow", 500, 3, 2),
    Songs("flow", 740, 3, 3),
    Songs("decoder", 720, 4, 31, seconds=10),
)
DESCRIPTIONS = 80_000
"""Descriptions of songs, never rendered, that the text encoder was trained on."""
_ORDINALS = {2: "second", 3: "third", 4: "fourth"}


def check_card() -> None:
    """Compare the songs with those of the model card.

    Raises:
        DataError: the card does not state one of the numbers.
    """
    card = (DEMO / "README.md").read_text(encoding="utf-8")
    section = card.partition("### Training data\n")[2].partition("\n### ")[0]
    told = set(re.findall(r"[\d,]*\d", section))
    told |= {word for word in _ORDINALS.values() if f"{word} version" in section}
    for songs in SONGS:
        for fact in (f"{songs.number:,}", str(songs.seed), _ORDINALS[songs.version]):
            if fact not in told:
                raise DataError(f"the model card does not state {fact!r} of {songs}")
    if f"{DESCRIPTIONS:,}" not in told:
        raise DataError(f"the model card does not state {DESCRIPTIONS:,} descriptions")


def lines() -> Iterator[str]:
    """Lines of the ledger."""
    check_card()
    programs = {i.program for i in (*PITCHED.values(), *BASSES.values())}
    kits = {i.program for i in KITS.values()}
    licence = (ROOT / "assets/fluid_r3_gm_license.txt").read_text(encoding="utf-8")
    holders = re.findall(r"^Copyright \(c\) (.*?)(?: <.*>)?$", licence, re.MULTILINE)
    tables = sorted(path.name for path in (ROOT / "assets/band").glob("*.yaml"))
    yield "# Ledger of the Jasco demo"
    yield ""
    yield "Every source of the songs and weights of this folder, with its licence, written by"
    yield "`python scripts/write_ledger.py` from the tables and files it names."
    yield ""
    yield "## Sources of the songs"
    yield ""
    yield "| source | what it gives | licence |"
    yield "| --- | --- | --- |"
    yield "| Jasco's composer (`jasco/band`) | notes, chords, labels | MIT, of the project itself |"
    named = ", ".join(f"`{name}`" for name in tables)
    yield (
        f"| tables in `assets/band`: {named} | harmony, grooves, genres, instruments, words of "
        "descriptions | MIT, of the project itself |"
    )
    yield (
        "| soundfont FluidR3 GM (Debian `fluid-soundfont-gm`) | the sound of the instruments, in "
        f"today's table {len(programs)} programs and {len(kits)} drum kits | MIT, (c) "
        f"{'; '.join(holders)}; its text: `assets/fluid_r3_gm_license.txt` |"
    )
    yield (
        "| FluidSynth | the program that plays the soundfont; no part of it is in a song | LGPL "
        "2.1 or later, not distributed |"
    )
    yield ""
    yield "No recording, MIDI file or text of anyone else is among them, and no other model made or"
    yield "labelled any of it."
    yield ""
    yield "## Songs"
    yield ""
    yield "| songs | version of the band | seed | trained | sources |"
    yield "| --- | --- | --- | --- | --- |"
    for songs in SONGS:
        told = f"{songs.number:,} of {songs.seconds} s"
        yield f"| {told} | {songs.version} | {songs.seed} | {songs.trained} | all above |"
    told = f"{DESCRIPTIONS:,} descriptions, not rendered"
    yield f"| {told} | | | text encoder | composer and tables |"
    yield ""
    yield "Song n of a set is what the composer of that version makes of its seed and n."
    yield ""
    yield "## Weights"
    yield ""
    yield "All were trained from random initialisation on these songs, and are under the MIT"
    yield "licence (`LICENSE` of Jasco)."
    yield ""
    yield "| file | bytes | SHA-256 |"
    yield "| --- | --- | --- |"
    for path in sorted(DEMO.rglob("*.safetensors")):
        content = path.read_bytes()
        name, digest = path.relative_to(DEMO).as_posix(), hashlib.sha256(content).hexdigest()
        yield f"| `{name}` | {len(content):,} | `{digest}` |"


def ledger() -> str:
    """Text of the ledger."""
    return "\n".join(lines()) + "\n"


if __name__ == "__main__":
    LEDGER.write_text(ledger(), encoding="utf-8")
    print(LEDGER)
