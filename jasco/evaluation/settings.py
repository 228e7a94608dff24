"""Settings: which of an item's conditions the model is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jasco.conditions import CONTROLS, Conditions
from jasco.errors import SettingError

ALL, ALONE, WITHOUT, NONE, MISMATCHED = "all", "alone", "without", "none", "mismatched"
CEILING = "ceiling"
"""In place of a setting: nothing is generated, the item itself passes the codec."""


def expand(names: Sequence[str], controls: Sequence[str]) -> list[str]:
    """The settings that some names stand for.

    Args:
        names: ``all``, ``none``, ``mismatched`` (own text, everything else of another item), a
            control for it alone, ``without_`` and a control for all others; ``alone`` and
            ``without`` for each control in turn.
        controls: of the model.

    Raises:
        SettingError: another name, or a control that the model has not.
    """
    dropped = [f"{WITHOUT}_{control}" for control in controls]
    groups = {ALONE: list(controls), WITHOUT: dropped}
    known = (*groups, ALL, *controls, *dropped, NONE, MISMATCHED)
    found: list[str] = []
    for name in names:
        if name not in known:
            raise SettingError(f"settings: no {name!r}: give some of {', '.join(known)}")
        found += groups.get(name, [name])
    if not found:
        raise SettingError(f"no settings: give some of {', '.join(known)}")
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
    if setting.startswith(f"{WITHOUT}_"):
        kept = tuple(name for name in controls if setting != f"{WITHOUT}_{name}")
    else:
        whole = {ALL: tuple(controls), MISMATCHED: tuple(controls), NONE: ()}
        kept = whole.get(setting, (setting,))
    return own.without(*(name for name in CONTROLS if name not in kept))
