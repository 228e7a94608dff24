"""Controls: one specification each, and the registry that everything else loops over.

``docs/extending.md`` shows how to add a control.
"""

from importlib import import_module

from jasco.controls.spec import ControlSpec

CONTROLS: dict[str, ControlSpec] = {}
"""Specification of each control but text, by name."""


def register(module: str) -> None:
    """Add the control whose specification is ``SPEC`` in a module."""
    spec: ControlSpec = import_module(module).SPEC
    CONTROLS[spec.name] = spec


def control_names() -> tuple[str, ...]:
    """Names of all controls that a clip can have, text first."""
    return ("text", *CONTROLS)


register("jasco.controls.chords")
register("jasco.controls.drums")
register("jasco.controls.melody")
