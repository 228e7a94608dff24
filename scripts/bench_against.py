"""Comparison of this checkout with another one, row by row, in interleaved processes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, cast

from bench_rows import ALONE, DEFAULT, DISTILLED, ORIGINAL

HERE = Path(__file__).resolve().parent
PROCESS = HERE / "bench_process.py"
UNITS = {"seconds": "s", "cpu": "CPU s", "gb": "GB", "share": "of the ceiling", "error": "error"}
UNITS |= {"spread": "spread"}


class Side:
    """Process that measures a row with the code of a checkout."""

    def __init__(self, checkout: Path, row: str) -> None:
        checkout = checkout.resolve()
        paths = os.pathsep.join([str(checkout), str(HERE)])
        self.found: list[dict[str, float]] = []
        self.process = subprocess.Popen(
            [sys.executable, str(PROCESS), row],
            env={**os.environ, "PYTHONPATH": paths},
            cwd=checkout,  # `python -m` and `-c` of a row look there before PYTHONPATH
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def measure(self) -> None:
        """Measure once more; nothing where the process has ended."""
        asked, answers = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)
        try:
            asked.write("measure\n")
            asked.flush()
        except BrokenPipeError:
            return
        if line := answers.readline():
            self.found.append(json.loads(line))

    def end(self) -> str:
        """End the process; the last line of its errors where it measured nothing."""
        _, errors = self.process.communicate()
        return "" if self.found else (errors.strip().splitlines() or ["no measurement"])[-1]

    def medians(self) -> dict[str, float]:
        names = self.found[0] if self.found else {}
        return {name: statistics.median(one[name] for one in self.found) for name in names}


def compare(row: str, before: Path, after: Path, repeats: int) -> dict[str, Any]:
    """Medians of a row in two checkouts, and the ratios before / after.

    The first measurement of each warms up. The order alternates, so that a drift of the machine's
    speed favours neither; only rows that need most of the memory are measured one after the other.
    """
    sides, failed = [], []
    for together in [[before], [after]] if row in ALONE else [[before, after]]:
        own = [Side(checkout, row) for checkout in together]
        for turn in range(repeats + 1):
            for side in own if turn % 2 else own[::-1]:
                side.measure()
        failed += [side.end() for side in own]
        sides += own
    for side in sides:
        del side.found[:1]
    old, new = (side.medians() for side in sides)
    ratios = {name: old[name] / new[name] for name in old if new.get(name)}
    return {"row": row, "before": old, "after": new, "ratios": ratios, "failed": failed}


def lines(result: dict[str, Any]) -> list[str]:
    """Lines of the table of one row, one for each figure."""
    failed = [f"{result['row']}: {why}" for why in result["failed"] if why]
    return failed + [
        f"{result['row']:<38}{UNITS[name]:<16}{result['before'].get(name, float('nan')):>10.3f}"
        f"{value:>10.3f}{result['ratios'].get(name, float('nan')):>8.2f}"
        for name, value in result["after"].items()
    ]


def against(other: Path, rows: list[str], repeats: int, report: Path | None) -> int:
    """Print the table of these rows; 1 where the other folder is no checkout."""
    if not (other / "jasco" / "__init__.py").is_file():
        print(f"{other} is no checkout of Jasco: give a folder that holds jasco/")
        return 1
    print(f"{'':<54}{'before':>10}{'after':>10}{'ratio':>8}", flush=True)
    results = []
    for row in rows:
        results.append(compare(row, other, HERE.parent, repeats))
        print("\n".join(lines(results[-1])), flush=True)
    by_name = {result["row"]: result for result in results}
    for way, said in ((DEFAULT, "by default"), (DISTILLED, "distilled")):
        old, new = (
            by_name.get(row, {}).get(side) for row, side in ((ORIGINAL, "before"), (way, "after"))
        )
        if old and new:
            print(f"a clip {said}, against the original's way: {old['cpu'] / new['cpu']:.2f}")
    if report:
        report.write_text(json.dumps(results, indent=1) + "\n")
    return 0
