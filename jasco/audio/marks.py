"""Provenance mark: the digital source type of a file, in the vocabulary of the IPTC.

A file states it in up to three places, so that other programs find it and conversions keep it:

======  ==========================================================================
.wav    XMP packet in a ``_PMX`` chunk (XMP specification, part 3), comment
.mp3    XMP packet in an ID3v2 frame ``PRIV``, ``TXXX:DIGITALSOURCETYPE``, comment
others  Vorbis comment ``DIGITALSOURCETYPE``, comment
======  ==========================================================================

The comment is the recipe with a key more, or a sentence. ffmpeg 5.1 drops ``_PMX`` and keeps the
comment in every conversion in which it keeps recipes (`jasco.audio.tags`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from jasco.audio import tags
from jasco.audio.decoding import Source
from jasco.audio.tag_search import search_tags
from jasco.errors import SettingError, shortened

GENERATED = "trainedAlgorithmicMedia"
"""Digital source type of media that a trained model generates."""
EDITED = "compositeWithTrainedAlgorithmicMedia"
"""Digital source type of a recording of which a trained model generates parts anew."""
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""Begin of the names of digital source types."""
TAG = "DIGITALSOURCETYPE"
"""Name of the tag of its own."""
KEY = "digital_source_type"
"""Key in the comment beside those of the recipe."""

_NAME = re.compile(re.escape(VOCABULARY.removeprefix("http")) + r"([A-Za-z]{1,64})")


def source_type(recipe: Mapping[str, Any] | None) -> str:
    """Digital source type of generated audio with a plain recipe.

    That of an edit is `EDITED`, unless its source is generated.
    """
    found = GENERATED
    while isinstance(recipe, Mapping):
        song = recipe.get("song")
        source = song.get("source") if isinstance(song, Mapping) else None
        if not isinstance(source, Mapping):
            return GENERATED
        recipe = source.get("recipe")
        found = GENERATED if source.get("mark") == GENERATED else EDITED
    return found


def checked_mark(mark: object, recipe: Mapping[str, Any] | None) -> str | None:
    """Digital source type to write; ``None`` for no mark.

    Args:
        mark: ``None`` to mark what has a recipe, ``True``, ``False``, or a name of the vocabulary.
        recipe: recipe of the audio.

    Raises:
        SettingError: another value.
    """
    if mark is None or isinstance(mark, bool):
        marked = recipe is not None if mark is None else mark
        return source_type(recipe) if marked else None
    if not isinstance(mark, str) or not re.fullmatch("[A-Za-z]{1,64}", mark):
        raise SettingError(
            f"mark is {shortened(mark)}: give true, false, or a digital source type such as "
            f"{GENERATED}"
        )
    return mark


def comment_of(recipe: Mapping[str, Any] | None, mark: str | None) -> str | None:
    """Text of the comment: the recipe as one line of ASCII JSON, with the mark; or a sentence.

    Raises:
        TypeError, ValueError, RecursionError: the recipe is no JSON data.
    """
    if recipe is not None:
        named = {} if mark is None else {KEY: VOCABULARY + mark}
        return json.dumps(dict(recipe) | named, allow_nan=False)
    return (
        None
        if mark is None
        else f"Generated with {_tool()}. Digital source type: {VOCABULARY}{mark}"
    )


def xmp_packet(mark: str) -> bytes:
    """XMP packet that states a digital source type as ``Iptc4xmpExt:DigitalSourceType``."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '  <rdf:Description rdf:about=""\n'
        '    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
        '    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"\n'
        f'    xmp:CreatorTool="{_tool()}"\n'
        f'    Iptc4xmpExt:DigitalSourceType="{VOCABULARY}{mark}"/>\n'
        " </rdf:RDF>\n"
        '</x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


def _tool() -> str:
    return f"Jasco {version('jasco')}"


def read_mark(path: Source) -> tuple[str, list[str]] | None:
    """Digital source type of a file, and the names of the tags that state it.

    All tags are searched, under whatever names other programs gave them.

    Args:
        path: path of a regular file, or file object opened for reading bytes.

    Returns:
        ``None`` for a file that states none.

    Raises:
        AudioError: the file is missing or is no audio.
    """
    return search_tags(path, _stated)


def _stated(found: Iterable[tags.Tag]) -> tuple[str, list[str]] | None:
    named = {name: hit[1] for name, text in found if (hit := _NAME.search(text))}
    return (next(iter(named.values())), list(named)) if named else None
