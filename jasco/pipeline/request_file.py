"""Files of requests: one JSON object, a list of them, or one a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jasco.band.patterns import is_pattern
from jasco.charts.formats import is_link
from jasco.controls import CONTROLS
from jasco.errors import SettingError
from jasco.io.jsonl import read_lines
from jasco.io.plain import read_json
from jasco.pipeline.adapters import resolved_adapters
from jasco.pipeline.inputs import checked_input, is_written
from jasco.pipeline.request import keys

MAX_REQUESTS = 100_000


def read_requests(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Place and values of each request in a file; its relative paths start from its folder.

    Args:
        path: ``.jsonl`` with one JSON object a line, else JSON: one object or a list of them.

    Raises:
        SettingError: it cannot be read, holds no request, more than `MAX_REQUESTS`, or something
            else than requests.
    """
    checked_input("request", path, options=True)
    if path.suffix.lower() == ".jsonl":
        found: list[tuple[str, Any]] = [*read_lines(path, SettingError)]
    else:
        whole = read_json(path, SettingError)
        entries = whole if isinstance(whole, list) else [whole]
        several = len(entries) > 1
        found = [
            (f"{path} entry {number}" if several else str(path), entry)
            for number, entry in enumerate(entries, 1)
        ]
    if not found:
        raise SettingError(f"{path} holds no request")
    if len(found) > MAX_REQUESTS:
        raise SettingError(
            f"{path} holds {len(found):,} requests: give several files, at most {MAX_REQUESTS:,} "
            "requests are read of one"
        )
    for label, values in found:
        if not isinstance(values, dict):
            kind = type(values).__name__
            raise SettingError(f"{label}: a {kind}, not an object of {', '.join(keys())}")
    return [(label, _resolved(values, path.parent)) for label, values in found]


def _resolved(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values with their paths taken from ``folder``."""
    files = ["output", "edit", "continue", "vary", *(f"{name}_from" for name in CONTROLS)]
    files += [name for name in CONTROLS if not is_written(name, values.get(name))]
    drums = values.get("drums")
    if isinstance(drums, str) and is_pattern(drums) and not (folder / drums).exists():
        files.remove("drums")
    files += [] if is_link(values.get("chart")) else ["chart"]
    paths: dict[str, Any] = {
        key: str(folder / values[key]) for key in files if isinstance(values.get(key), str)
    }
    if "adapter" in values:
        paths["adapter"] = resolved_adapters(values["adapter"], folder)
    return {**values, **paths}
