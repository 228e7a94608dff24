"""Draw the losses of training runs, one panel per run.

    python scripts/draw_curves.py runs/codec runs/demo -o curves.png

All logs of a run are read, also those before an interruption; every training loss is shown as the
mean over a fiftieth of the steps.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

POINTS = 50
SHOWN = ("loss", "waveform", "stft", "mel", "flux")
"""Columns ``train/...`` that are drawn, each divided by its first point."""


def read_losses(run: Path) -> dict[str, np.ndarray]:
    """Steps and values (2, N) of each loss of a run."""
    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(run.glob("logs/**/metrics.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                for name in SHOWN:
                    if value := row.get(f"train/{name}"):
                        found.setdefault(name, []).append((int(row["step"]), float(value)))
    if not found:
        raise SystemExit(f"{run}: no logs/**/metrics.csv with losses of a training")
    return {name: np.array(sorted(pairs)).T for name, pairs in found.items()}


def smooth(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over equal parts of the steps."""
    parts = np.array_split(np.arange(len(steps)), min(POINTS, len(steps)))
    return np.array([steps[p].mean() for p in parts]), np.array([values[p].mean() for p in parts])


def main(argv: list[str] | None = None) -> int:
    """Draw the given runs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of jasco-train")
    parser.add_argument("-o", "--output", type=Path, default=Path("curves.png"))
    args = parser.parse_args(argv)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(args.runs), 3), dpi=90, layout="constrained")
    panels = figure.subplots(1, len(args.runs), squeeze=False)[0]
    for axes, run in zip(panels, args.runs, strict=True):
        for name, (steps, values) in read_losses(run).items():
            x, y = smooth(steps, values)
            axes.plot(x, y / y[0], label=f"{name}: {y[0]:.3g} to {y[-1]:.3g}")
        axes.set(title=run.name, xlabel="step", ylabel="of the first point")
        axes.legend(fontsize=7)
    figure.savefig(args.output)
    print(args.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
