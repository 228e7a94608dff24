"""Structure of the code in figures: lines, repeated configuration, docstrings, assertions.

python scripts/measure_structure.py                   # of this checkout
python scripts/measure_structure.py --against DIR     # beside another one
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE = (
    *("flow", "network", "conditioners", "model", "conditions", "codec", "drums"),
    *("generation", "recipe"),
)
"""Rooms of the method itself; the rest serves them."""
OPENERS = {"what", "whether", "how", "of", "those", "likewise"} | {
    *("he", "her", "his", "it", "its", "she", "that", "their", "these", "they", "this"),
    *("whatever", "which", "who", "whoever", "whose"),
}
"""Words that no docstring begins with."""
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(source: str) -> int:
    """Number of lines with code: without blank lines, comments and docstrings."""
    lines = {
        number
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    for node in ast.walk(ast.parse(source)):
        # A string as a statement of its own: of a module, class or function, or below a constant.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def forbidden_openings(source: str) -> int:
    """Number of docstrings that begin with one of `OPENERS`."""
    texts = (
        ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, DOCUMENTED)
    )
    words = (re.match(r"\w+", text) for text in texts)
    return sum(word is not None and word[0].lower() in OPENERS for word in words)


def assertions(source: str) -> int:
    """Number of ``assert`` statements and of expected errors and warnings."""
    nodes = list(ast.walk(ast.parse(source)))
    calls = [ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)]
    expected = sum(call in ("pytest.raises", "pytest.warns") for call in calls)
    return expected + sum(isinstance(node, ast.Assert) for node in nodes)


def repeated_share(folder: Path) -> float:
    """Share of the lines of YAML files that occur more than once, in any of them.

    Lines are compared without indentation and comments; blank ones do not count.
    """
    lines = Counter(
        line
        for path in folder.rglob("*.yaml")
        for text in path.read_text(encoding="utf-8").splitlines()
        if (line := re.sub(r"(^|\s)#.*", "", text).strip())
    )
    return sum(n for n in lines.values() if n > 1) / max(lines.total(), 1)


def measure(root: Path) -> dict[str, float]:
    """Figures of a checkout, by what they count; shares are from 0 to 1."""
    sources: Counter[str] = Counter()
    opened = 0
    for path in sorted((root / "jasco").rglob("*.py")):
        room = path.relative_to(root / "jasco").parts[0].removesuffix(".py")
        source = path.read_text(encoding="utf-8")
        sources[room] += code_lines(source)
        opened += forbidden_openings(source)
    inside = sum(sources[name] for name in CORE)
    tests = (path.read_text(encoding="utf-8") for path in (root / "tests").rglob("*.py"))
    found: dict[str, float] = {
        "code lines": sources.total(),
        "code lines of the core": inside,
        "code lines outside the core": sources.total() - inside,
        "docstrings with a forbidden opening": opened,
        "assertions in tests": sum(map(assertions, tests)),
        "share of repeated config lines": repeated_share(root / "conf"),
    }
    shares = ((room, lines / max(sources.total(), 1)) for room, lines in sources.most_common())
    return found | {f"share of {room}": share for room, share in shares if share >= 0.005}


def table(columns: list[dict[str, float]]) -> str:
    """Figures as lines of text, a column for each checkout."""
    names = dict.fromkeys(name for column in columns for name in column)
    return "\n".join(
        f"{name:<38}"
        + "".join(
            f"{column.get(name, 0):>10.1%}" if "share" in name else f"{column.get(name, 0):>10,}"
            for column in columns
        )
        for name in names
    )


def main(words: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout, in a second column")
    against = parser.parse_args(words).against
    print(table([measure(root) for root in (ROOT, against) if root is not None]))


if __name__ == "__main__":
    main()
