"""Execute the notebooks and keep what they show, so that readers see it without running them.

    python scripts/run_notebooks.py
    python scripts/run_notebooks.py notebooks/band.ipynb

Pictures are kept with 128 colours and at most 1,100 pixels wide, an eighth of their size. Times of
execution and versions of Python are left out, so that a notebook changes only where its results do.
Needs the groups ``dev``, ``eval`` and ``plot``, and what the notebooks say of themselves.
"""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from jasco.io.atomic import write_text

COLOURS, WIDTH = 128, 1100


def main(argv: list[str] | None = None) -> int:
    """Execute notebooks in place."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of notebooks/ if not given")
    args = parser.parse_args(argv)
    for path in args.notebooks or sorted(Path("notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        # Lines printed one after the other are one output, whatever the timing of the kernel.
        client = NotebookClient(
            notebook,
            timeout=1800,
            coalesce_streams=True,
            record_timing=False,
            resources={"metadata": {"path": str(path.parent)}},
        )
        client.execute()
        tidy(notebook)
        write_text(path, nbformat.writes(notebook) + "\n")
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    return 0


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Make pictures small; drop progress bars and the version of Python."""
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])


def smaller(picture: str) -> str:
    """Base64 of a PNG picture with `COLOURS` colours, up to `WIDTH` pixels wide."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        reduced = image.convert("RGB")
    reduced.thumbnail((WIDTH, reduced.height))
    reduced = reduced.quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    reduced.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


if __name__ == "__main__":
    raise SystemExit(main())
