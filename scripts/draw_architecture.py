"""Draw the architecture: packages and modules of ``jasco/``, each above all that it imports.

    python scripts/draw_architecture.py

The picture is drawn from the imports of the code. Imports that others imply are left out (the
transitive reduction). A box is a module or package directly under ``jasco/``; its width grows with
its lines.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "jasco"
LINE, GAP, MARGIN = 34, 14, 24  # height of a room, space between rooms, border (px)
FLOOR = 78  # height of a floor (px)


def room_of(name: str) -> str:
    """Room of a dotted module name below the package."""
    return name.split(".")[0]


def modules() -> Iterator[tuple[str, str]]:
    """(dotted name below the package, source) of every module but the package itself."""
    top = ROOT / PACKAGE
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            yield name, path.read_text(encoding="utf-8")


def measure() -> tuple[dict[str, int], dict[str, set[str]]]:
    """Lines of each room, and the rooms that each imports."""
    lines: dict[str, int] = {}
    imports: dict[str, set[str]] = {}
    for name, source in modules():
        room = room_of(name)
        lines[room] = lines.get(room, 0) + len(source.splitlines())
        found = imports.setdefault(room, set())
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            found.update(
                room_of(full.removeprefix(f"{PACKAGE}."))
                for full in names
                if full.startswith(f"{PACKAGE}.")
            )
    for room, found in imports.items():
        found.intersection_update(lines)
        found.discard(room)
    return lines, imports


def floors(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """Floor of each room: 0, or one above the highest that it imports.

    Raises:
        ValueError: rooms import each other in a circle.
    """
    found: dict[str, int] = {}

    def floor(room: str, above: tuple[str, ...]) -> int:
        if room in above:
            raise ValueError(f"a circle of imports: {' -> '.join((*above, room))}")
        if room not in found:
            below = [floor(other, (*above, room)) for other in sorted(imports[room])]
            found[room] = max(below, default=-1) + 1
        return found[room]

    for room in sorted(imports):
        floor(room, ())
    return found


def reduced(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The imports that no path over other rooms implies."""
    reach: dict[str, set[str]] = {}

    def reached(room: str) -> set[str]:
        if room not in reach:
            reach[room] = set().union(*(reached(other) | {other} for other in imports[room]))
        return reach[room]

    return {
        room: {o for o in others if not any(o in reached(via) for via in others if via != o)}
        for room, others in imports.items()
    }


def draw(lines: Mapping[str, int], imports: Mapping[str, set[str]]) -> str:
    """The picture as SVG."""
    level = floors(imports)
    rows: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
    for room in sorted(lines, key=lambda room: (level[room], room)):
        rows[level[room]].append(room)
    width = {room: 8.2 * max(len(room), 6) + 40 + lines[room] ** 0.5 for room in lines}
    total = max(sum(width[r] + GAP for r in row) for row in rows) + 2 * MARGIN
    height = FLOOR * len(rows) + 2 * MARGIN
    place: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        x = (total - sum(width[r] + GAP for r in row) + GAP) / 2
        for room in row:
            place[room] = x, height - MARGIN - FLOOR * number - LINE
            x += width[room] + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {height:.0f}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{total:.0f}" height="{height:.0f}" fill="#fff"/>',
    ]
    for room, others in sorted(reduced(imports).items()):
        x, y = place[room]
        for other in sorted(others):
            u, v = place[other]
            start, end = x + width[room] / 2, u + width[other] / 2
            middle = (y + LINE + v) / 2
            parts.append(
                f'<path d="M{start:.0f} {y + LINE:.0f}C{start:.0f} {middle:.0f} {end:.0f} '
                f'{middle:.0f} {end:.0f} {v:.0f}" fill="none" stroke="#9ab" stroke-width="1.2"/>'
            )
    for room, (x, y) in sorted(place.items()):
        parts.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{width[room]:.0f}" height="{LINE}" rx="5" '
            'fill="#eef4fb" stroke="#47a"/>'
            f'<text x="{x + width[room] / 2:.0f}" y="{y + 15:.0f}" text-anchor="middle">'
            f"{escape(room)}</text>"
            f'<text x="{x + width[room] / 2:.0f}" y="{y + 28:.0f}" text-anchor="middle" '
            f'font-size="10" fill="#567">{lines[room]} lines</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "architecture.svg")
    args = parser.parse_args()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(draw(*measure()), encoding="utf-8")
    print(args.output)


if __name__ == "__main__":
    main()
