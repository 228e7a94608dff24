"""Settings: which of an item's conditions the model is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jasco.conditions import CONTROLS, Conditions
from jasco.errors import SettingError

ALL, ALONE, NONE, MISMATCHED = "all", "alone", "none", "mismatched"
CEILING = "ceiling"
"""In place of a setting: nothing is generated, the item itself passes the codec."""


def expand(names: Sequence[str], controls: Sequence[str]) -> list[str]:
    """The settings that some names stand for.

    Args:
        names: ``all``, ``none``, ``mismatched`` (own text, everything else of another item), a
            control for it alone, ``alone`` for each of them in turn.
        controls: of the model.

    Raises:
        SettingError: another name, or a control that the model has not.
    """
    known = (ALL, *controls, NONE, MISMATCHED)
    found: list[str] = []
    for name in names:
        if name != ALONE and name not in known:
            raise SettingError(f"settings: no {name!r}: give some of {', '.join((ALONE, *known))}")
        found += controls if name == ALONE else [name]
    if not found:
        raise SettingError(f"no settings: give some of {', '.join((ALONE, *known))}")
    return list(dict.fromkeys(found))


def wishes(setting: str, own: Conditions, other: Conditions, controls: Sequence[str]) -> Conditions:
    """What the model is asked for.

    Args:
        setting: of `expand`.
        own: conditions of the item.
        other: those of the item that it is mismatched with.
        controls: of the model; it is asked for no other.
    """
    if setting == MISMATCHED:
        own = replace(other, text=own.text)
    kept = {ALL: tuple(controls), MISMATCHED: tuple(controls), NONE: ()}.get(setting, (setting,))
    return own.without(*(name for name in CONTROLS if name not in kept))
