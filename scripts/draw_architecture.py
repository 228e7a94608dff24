"""Draw the architecture: packages and modules of ``jasco/``, each above all that it imports.

    python scripts/draw_architecture.py

The picture is drawn from the imports of the code. Imports that others imply are left out (the
transitive reduction), and so are those of the foundations, which every package may import. A box is
a module or package directly under ``jasco/``.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "docs" / "architecture.svg"
FOUNDATIONS = {"aliases", "config", "device", "errors", "io", "notices", "runs", "text", "workers"}
BOX, GAP, ROW, MARGIN = 30, 18, 84, 20
"""Height of a box, space between boxes, height of a row, and border (pixels)."""

Imports = Mapping[str, set[str]]


def imported(source: str) -> Iterator[str]:
    """Dotted names below ``jasco`` that a module imports, at any depth."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.removeprefix("jasco.") for name in names if name.startswith("jasco."))


def read_imports(package: Path) -> dict[str, set[str]]:
    """Name of each module or package directly below -> names of those that it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).with_suffix("").parts[0]
        if name != "__init__":
            source = path.read_text(encoding="utf-8")
            found.setdefault(name, set()).update(n.split(".")[0] for n in imported(source))
    return {name: (others & found.keys()) - {name} for name, others in found.items()}


def reachable(imports: Imports, name: str) -> set[str]:
    """All that a package imports, directly or through others."""
    found: set[str] = set()
    todo = list(imports[name])
    while todo:
        other = todo.pop()
        if other not in found:
            found.add(other)
            todo += imports[other]
    return found


def reduced(imports: Imports) -> dict[str, set[str]]:
    """Transitive reduction: the imports that no path through other packages implies."""
    return {
        name: {o for o in others if not any(o in reachable(imports, via) for via in others - {o})}
        for name, others in imports.items()
    }


def rows(imports: Imports) -> list[list[str]]:
    """Names by row, the lowest first: each one row above the highest that it imports.

    Raises:
        ValueError: packages import each other in a cycle.
    """
    found: list[list[str]] = []
    left = dict(imports)
    while left:
        row = sorted(name for name, others in left.items() if not others & left.keys())
        if not row:
            raise ValueError(f"a cycle of imports among {', '.join(sorted(left))}")
        found.append(row)
        left = {name: others for name, others in left.items() if name not in row}
    return found


def width(name: str) -> float:
    """Width of a box (pixels)."""
    return 8.0 * len(name) + 28


def centres(row: list[str], middle: float) -> dict[str, float]:
    """Horizontal centre of each box of a row, which is centred on ``middle``."""
    x = middle - (sum(map(width, row)) + GAP * (len(row) - 1)) / 2
    found = {}
    for name in row:
        found[name] = x + width(name) / 2
        x += width(name) + GAP
    return found


def place(levels: list[list[str]], arrows: Imports) -> dict[str, float]:
    """Horizontal centres. Rows are sorted by the mean place of their neighbours (barycentre)."""
    x = {name: at for row in levels for name, at in centres(row, 0.0).items()}
    around = {name: set(others) for name, others in arrows.items()}
    for name, others in arrows.items():
        for other in others:
            around[other].add(name)
    for _ in range(20):
        for row in levels:
            row.sort(key=lambda n: sum(x[o] for o in around[n]) / max(len(around[n]), 1))
            x |= centres(row, 0.0)
    return x


def draw(imports: Imports) -> str:
    """Picture as SVG."""
    above = {n: others - FOUNDATIONS for n, others in imports.items() if n not in FOUNDATIONS}
    arrows = reduced(above)
    levels = rows(above)
    x = place(levels, arrows)
    foundations = sorted(FOUNDATIONS & imports.keys())
    x |= centres(foundations, 0.0)
    level = {name: number for number, row in enumerate(levels, 1) for name in row}
    level |= dict.fromkeys(foundations, 0)
    half = max(abs(x[n]) + width(n) / 2 for n in x) + MARGIN
    height = 2 * MARGIN + BOX + ROW * len(levels)
    y = {name: height - MARGIN - BOX - ROW * row for name, row in level.items()}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-half:.0f} 0 {2 * half:.0f} {height}" '
        'font-family="sans-serif" font-size="14">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#678"/></marker></defs>',
        f'<rect x="{-half:.0f}" width="{2 * half:.0f}" height="{height}" fill="#fff"/>',
    ]
    for name, others in sorted(arrows.items()):
        for other in sorted(others):
            top, end = y[name] + BOX, y[other]
            bend = (top + end) / 2
            parts.append(
                f'<path class="{name} {other}" d="M{x[name]:.0f} {top}C{x[name]:.0f} {bend:.0f} '
                f'{x[other]:.0f} {bend:.0f} {x[other]:.0f} {end}" fill="none" stroke="#678" '
                'marker-end="url(#tip)"/>'
            )
    for name in sorted(x):
        fill = "#eee" if name in FOUNDATIONS else "#e7f0fb"
        parts.append(
            f'<rect x="{x[name] - width(name) / 2:.0f}" y="{y[name]}" width="{width(name):.0f}" '
            f'height="{BOX}" rx="5" fill="{fill}" stroke="#47a"/><text x="{x[name]:.0f}" '
            f'y="{y[name] + 20}" text-anchor="middle">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def main(argv: list[str] | None = None) -> int:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    args = parser.parse_args(argv)
    args.output.write_text(draw(read_imports(ROOT / "jasco")), encoding="utf-8")
    print(args.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
