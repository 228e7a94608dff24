"""Recipes in the tags of files that other programs have written."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
import soundfile
import torch

from jasco.audio import read_recipe, save_audio, tags
from jasco.errors import AudioError

RATE = 32000


def texts(file: io.BytesIO) -> list[str]:
    return [text for _, text in tags.read_tags(file)]


# 20 kB as JSON, with what breaks naive tags.
RECIPE = {"text": 'déjà ♫ "x"\n\\;#=' * 700, "seed": 2**40, "steps": [1, 2.5, None, True]}
TEXT = json.dumps(RECIPE)

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed"
)
# Out of Ogg ffmpeg keeps no comment: it is not in the file any more.
CONVERSIONS = [
    (source, target)
    for source in ("wav", "flac", "mp3", "ogg")
    for target in ("wav", "flac", "mp3", "m4a", "ogg", "opus", "webm", "mka", "aiff", "wma")
    if source != target
]


def convert(source: Path, target: Path, *options: str) -> Path:
    command = ["ffmpeg", "-v", "error", "-i", str(source), *options, str(target)]
    subprocess.run(command, check=True)
    return target


@needs_ffmpeg
@pytest.mark.parametrize("source, target", CONVERSIONS)
def test_a_recipe_is_found_after_ffmpeg(tmp_path: Path, source: str, target: str) -> None:
    path = tmp_path / f"a.{source}"
    save_audio(path, torch.zeros(2, RATE), RATE, recipe=RECIPE)
    found = read_recipe(convert(path, tmp_path / f"b.{target}"))
    if source == "ogg" and target not in ("opus", "webm", "mka"):
        assert found is None
        told = convert(path, tmp_path / f"c.{target}", "-map_metadata", "0:s:0")
        assert read_recipe(told) == RECIPE
    else:
        assert found == RECIPE


@needs_ffmpeg
def test_a_recipe_survives_a_chain_of_conversions(tmp_path: Path) -> None:
    path = save_audio(tmp_path / "a.wav", torch.zeros(2, RATE), RATE, recipe=RECIPE)
    for n, suffix in enumerate(("flac", "m4a", "mp3", "wav", "flac", "ogg")):
        path = convert(path, tmp_path / f"{n}.{suffix}")
    assert read_recipe(path) == RECIPE


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["flac", "mp3", "m4a", "ogg", "wav"])
def test_tags_are_read_without_ffmpeg(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "mp3" if suffix == "wav" else "wav"
    path = save_audio(tmp_path / f"a.{source}", torch.zeros(2, RATE), RATE, recipe=RECIPE)
    path = convert(path, tmp_path / f"b.{suffix}")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_recipe(path) == RECIPE
    with path.open("rb") as file:
        assert read_recipe(file) == RECIPE


def frame(name: bytes, content: bytes, version: int, flags: bytes = b"\0\0") -> bytes:
    if version == 2:
        return name + len(content).to_bytes(3, "big") + content
    if version == 3:
        return name + len(content).to_bytes(4, "big") + flags + content
    return name + bytes(len(content) >> 7 * (3 - i) & 0x7F for i in range(4)) + flags + content


def id3(version: int, frames: bytes, flags: int = 0) -> bytes:
    size = bytes(len(frames) >> 7 * (3 - i) & 0x7F for i in range(4))
    return b"ID3" + bytes((version, 0, flags)) + size + frames


def encoded(encoding: int, *texts: str) -> bytes:
    """Texts with a NUL character between them, after the number of their encoding."""
    name = ("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding]
    zero = b"\0\0" if encoding in (1, 2) else b"\0"
    return bytes([encoding]) + zero.join(text.encode(name) for text in texts)


SMALL = '{"seed": 7, "text": "é"}'
LATIN = b"\0" + SMALL.encode("latin-1")
PICTURE = b"\0image/png\0\3\0" + bytes(300)


def tag(version: int, encoding: int) -> bytes:
    """A picture, and the recipe as the user's own text, as ffmpeg writes it."""
    picture = frame({2: b"PIC"}.get(version, b"APIC"), PICTURE, version)
    name = {2: b"TXX"}.get(version, b"TXXX")
    return picture + frame(name, encoded(encoding, "comment", SMALL), version)


ID3 = {
    "2.2 Latin-1": id3(2, tag(2, 0)),
    "2.2 UTF-16": id3(2, tag(2, 1)),
    "2.2 comment": id3(2, frame(b"COM", b"\0eng" + LATIN, 2)),
    "2.3 Latin-1": id3(3, tag(3, 0)),
    "2.3 UTF-16": id3(3, tag(3, 1)),
    "2.3 comment": id3(3, frame(b"COMM", b"\0eng" + LATIN, 3)),
    "2.3 any name": id3(3, frame(b"TXXX", encoded(1, "made by", SMALL), 3)),
    "2.3 extended header": id3(3, b"\0\0\0\6" + bytes(6) + tag(3, 1), 0x40),
    "2.3 unsynchronised": id3(3, tag(3, 1).replace(b"\xff", b"\xff\0"), 0x80),
    "2.4 Latin-1": id3(4, tag(4, 0)),
    "2.4 UTF-16": id3(4, tag(4, 1)),
    "2.4 UTF-16-BE": id3(4, tag(4, 2)),
    "2.4 UTF-8": id3(4, tag(4, 3)),
    "2.4 title": id3(4, frame(b"TIT2", encoded(3, SMALL), 4)),
    "2.4 length first": id3(4, frame(b"TIT2", b"\0\0\0\x40" + encoded(3, SMALL), 4, b"\0\1")),
    "2.4 extended header": id3(4, b"\0\0\0\6\1\0" + tag(4, 3), 0x40),
}


@pytest.mark.parametrize("name", ID3)
def test_every_version_of_id3_is_read(name: str) -> None:
    found = [text for _, text in tags.id3(ID3[name])]
    assert found == [SMALL]
    assert texts(io.BytesIO(ID3[name] + b"\xff\xfb\x90\x64" + bytes(413))) == [SMALL]
    chunk = struct.pack("<4sI", b"id3 ", len(ID3[name])) + ID3[name]
    riff = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WAVE" + chunk
    assert texts(io.BytesIO(riff)) == [SMALL]


def comments(*texts: str) -> bytes:
    items = b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in texts)
    return struct.pack("<I", 3) + b"me." + struct.pack("<I", len(texts)) + items


def pages(packets: list[bytes], stream: int = 5) -> bytes:
    """Ogg pages of up to 255 segments; packets may go over several."""
    segments = [packet[i : i + 255] for packet in packets for i in range(0, len(packet) + 1, 255)]
    found = b""
    for n in range(0, len(segments), 255):
        part = segments[n : n + 255]
        head = struct.pack("<4sBBqIII", b"OggS", 0, 2 * (n == 0), 0, stream, n, 0)
        found += head + bytes([len(part), *map(len, part)]) + b"".join(part)
    return found


@pytest.mark.parametrize("start", [b"\x03vorbis", b"OpusTags", b"\x84\0\0\0"])
def test_comments_that_go_over_several_pages_of_ogg_are_read(start: bytes) -> None:
    given = ["artist=me", f"DESCRIPTION={TEXT}", "COMMENT=first", "no equals sign"]
    file = io.BytesIO(pages([b"header", start + comments(*given), b"sound"]))
    assert texts(file) == ["first", TEXT, "me"]
    mixed = pages([b"video"], stream=6)
    assert texts(io.BytesIO(file.getvalue() + mixed))[0] == "first"


def test_flac_behind_an_id3_tag_is_read() -> None:
    block = comments(f"description={TEXT}")
    flac = b"fLaC" + b"\0\0\0\x22" + bytes(34) + b"\x84" + len(block).to_bytes(3, "big") + block
    assert texts(io.BytesIO(flac)) == [TEXT]
    assert texts(io.BytesIO(ID3["2.4 title"] + flac)) == [TEXT, SMALL]


BROKEN = {
    "riff of zeros": b"RIFF" + bytes(5_000_000),
    "flac of zeros": b"fLaC" + bytes(5_000_000),
    "flac of a huge block": b"fLaC\x04\xff\xff\xff" + bytes(100),
    "comments without end": b"fLaC\x84\0\0\x20" + b"\xff" * 32,
    "many comments": b"fLaC\x84\0\0\x0c" + bytes(4) + b"\xff\xff\xff\xff" + bytes(4),
    "ogg without end": b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255 + bytes(10),
    "ogg of zeros": (b"OggS" + bytes(23)) * 300_000,
    "ogg of one packet": (b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255 + bytes(65025)) * 100,
    "id3 of a huge frame": id3(4, b"TXXX\x7f\x7f\x7f\x7f\0\0" + bytes(50)),
    "id3 of zeros": id3(3, bytes(100_000)),
    "id3 of empty frames": id3(3, b"TXXX\0\0\0\0\0\0" * 100_000),
    "mp4 of zeros": b"\0\0\0\x08ftyp" + bytes(1_000_000),
    "mp4 of empty atoms": b"\0\0\0\x08ftyp" * 300_000,
    "mp4 in itself": b"\0\0\0\x08ftyp" + b"\0\0\xff\xffmoov" * 5_000,
    "mp4 of a huge atom": b"\0\0\0\x08ftyp\0\0\0\1moov\xff\xff\xff\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tags_take_no_time_and_are_no_recipe(name: str) -> None:
    started = time.perf_counter()
    for text in texts(io.BytesIO(BROKEN[name])):
        with pytest.raises(ValueError):
            json.loads(text)
    assert time.perf_counter() - started < 3


def test_a_recipe_of_what_only_libsndfile_knows(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.aiff", "w", RATE, 1, "PCM_16") as sound:
        sound.comment = SMALL
        sound.write(torch.zeros(RATE).numpy())
    assert read_recipe(tmp_path / "a.aiff") == json.loads(SMALL)
    (tmp_path / "a.txt").write_text("dear diary")
    with pytest.raises(AudioError, match="no audio file"):
        read_recipe(tmp_path / "a.txt")
