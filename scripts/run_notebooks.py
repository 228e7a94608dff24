"""Execute the notebooks, and keep their outputs.

    python scripts/run_notebooks.py
    python scripts/run_notebooks.py notebooks/band.ipynb

Pictures are reduced to 128 colours and 1,100 pixels, an eighth of their size. Execution times and
versions of Python are removed, so that a notebook changes only with its results. Needs the groups
``dev``, ``eval`` and ``plot``, and the requirements of the notebooks.
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
        # The kernel may split printed lines into several outputs, depending on its timing.
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
    """Reduce pictures; remove progress bars and the version of Python."""
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
