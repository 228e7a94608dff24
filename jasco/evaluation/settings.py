"""Settings: subsets of an item's conditions that are given to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jasco.conditions import Conditions
from jasco.errors import SettingError

ALL, ALONE, WITHOUT, NONE, MISMATCHED = "all", "alone", "without", "none", "mismatched"
CEILING = "ceiling"
"""Setting without generation: the item is reconstructed by the codec."""


def expand(names: Sequence[str], controls: Sequence[str]) -> list[str]:
    """Settings from names, with groups expanded.

    Args:
        names: ``all``, ``none``, ``mismatched`` (own text, other controls of another item), a
            control for it alone, ``without_`` and a control for all others; the groups ``alone``
            and ``without`` for each control in turn.
        controls: controls of the model.

    Raises:
        SettingError: an unknown name, or no names.
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


def select_conditions(
    setting: str, own: Conditions, other: Conditions, controls: Sequence[str]
) -> Conditions:
    """Conditions of an item in a setting.

    Args:
        setting: setting from `expand`.
        own: conditions of the item.
        other: conditions of the unrelated item.
        controls: controls of the model.
    """
    if setting == MISMATCHED:
        own = replace(other, text=own.text)
    if setting.startswith(f"{WITHOUT}_"):
        kept = tuple(name for name in controls if setting != f"{WITHOUT}_{name}")
    else:
        whole = {ALL: tuple(controls), MISMATCHED: tuple(controls), NONE: ()}
        kept = whole.get(setting, (setting,))
    return own.without(*(name for name in own.asked if name not in kept))
