"""Extractors that a request names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jasco.controls import CONTROLS
from jasco.errors import SettingError, shortened
from jasco.pipeline.inputs import spelled

EXTRACTOR_KEYS = {
    f"{name}_extractor": tuple(spec.extractors)
    for name, spec in CONTROLS.items()
    if len(spec.extractors) > 1
}
"""Key that names the extractor of a recording -> names of the extractors."""


def named_extractors(values: Mapping[str, Any], options: bool) -> dict[str, str]:
    """Names of extractors of the recordings of a request, by control."""
    found = {}
    for key, known in EXTRACTOR_KEYS.items():
        if key not in values:
            continue
        name = key.removesuffix("_extractor")
        if values[key] not in known:
            raise SettingError(f"{key} is {shortened(values[key])}: give {' or '.join(known)}")
        if f"{name}_from" not in values:
            there = spelled(f"{name}_from", options)
            raise SettingError(
                f"{spelled(key, options)} says how to extract {name}, and there is no recording: "
                f"give one as {there}"
            )
        found[name] = values[key]
    return found
