"""XML documents and zip archives of charts, read with limits and without entities.

Expat fetches nothing from outside; a document that declares an entity is refused, because nested
entities expand to any size.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from jasco.errors import ChartError

MAX_BYTES = 32 * 2**20
"""Largest document, unpacked."""
MAX_ELEMENTS = 500_000
MAX_DEPTH = 64


def parse_xml(data: bytes) -> Element:
    """Root element of a document; names have no namespace.

    Raises:
        ChartError: no XML, entities, or a document beyond the limits.
    """
    if len(data) > MAX_BYTES:
        raise ChartError(f"the document is larger than the {MAX_BYTES >> 20} MiB that are read")
    builder, parser = TreeBuilder(), expat.ParserCreate()
    count = depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count, depth
        count, depth = count + 1, depth + 1
        if count > MAX_ELEMENTS or depth > MAX_DEPTH:
            raise ChartError(
                f"the document has more than {MAX_ELEMENTS:,} elements, or {MAX_DEPTH} within each "
                "other: give a part of the piece"
            )
        builder.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(":")[2])

    def entity(*_: object) -> None:
        raise ChartError("the document declares entities, which are not read: write them out")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: its encoding
        if isinstance(error, ChartError):
            raise
        raise ChartError(f"it is no whole XML document ({error})") from error


def main_document(archive: bytes) -> bytes:
    """Document of a compressed MusicXML file: the first of its ``META-INF/container.xml``.

    Raises:
        ChartError: no zip archive, a locked or broken one, no such document, or one beyond the
            limits.
    """
    container = parse_xml(member(archive, "META-INF/container.xml"))
    found = container.find(".//rootfile")
    path = None if found is None else found.get("full-path")
    if not path:
        raise ChartError("META-INF/container.xml names no document")
    return member(archive, path)


def member(archive: bytes, name: str) -> bytes:
    """File of a zip archive.

    Raises:
        ChartError: no zip archive, a locked or broken one, no such file, or one beyond the limits.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            return _unpacked(files, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        if isinstance(error, ChartError):
            raise
        raise ChartError(f"it is no whole zip archive ({error!s:.80})") from error


def _unpacked(files: zipfile.ZipFile, name: str) -> bytes:
    """Bytes of a member, of which no more than the limit are unpacked."""
    try:
        if files.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ChartError(f"{name!r:.80} is not packed by deflate, as these files are")
        with files.open(name) as member:
            data = member.read(MAX_BYTES + 1)
    except KeyError:
        raise ChartError(f"the archive has no {name!r:.80}") from None
    except RuntimeError:
        raise ChartError("the archive is locked by a password: unpack it first") from None
    if len(data) > MAX_BYTES:
        raise ChartError(f"{name!r:.80} is larger than the {MAX_BYTES >> 20} MiB that are read")
    return data
