"""Validation of the text that describes the music."""

from __future__ import annotations

from typing import Any

from jasco.errors import ConditionError, shortened

MAX_CHARACTERS = 20_000
"""Longest accepted text; models read far fewer tokens."""


def checked_text(text: Any) -> str | None:
    """Text of a clip; ``None`` where it is blank.

    Raises:
        ConditionError: no string, more than `MAX_CHARACTERS`, a lone surrogate or a NUL.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise ConditionError(
            f"text is {shortened(text)}, a {type(text).__name__}: give a string or None"
        )
    if len(text) > MAX_CHARACTERS:
        raise ConditionError(
            f"the text has {len(text):,} characters: shorten it, at most {MAX_CHARACTERS:,} are "
            "allowed"
        )
    for position, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise ConditionError(
                f"the text holds U+{ord(character):04X} at position {position}, which is no "
                "character of a text: remove it"
            )
    return text if text.strip() else None
