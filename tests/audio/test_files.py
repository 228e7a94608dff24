"""Audio in file objects, odd places, absurd headers, long files, and writers that meet or die."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from memory import peak, reset_peak

from jasco.audio import load_audio, load_mono, probe, read_recipe, save_audio
from jasco.conditions import Conditions
from jasco.drums import LONGEST_DRUMS
from jasco.errors import AudioError

FORMATS = ("wav", "flac", "mp3", "ogg")
RATE = 32000


def noise(seconds: float = 1.0, channels: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(channels, round(seconds * RATE), generator=generator) - 0.5


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


# File objects


class Pipe(io.RawIOBase):
    """Bytes that can be read once, as a download."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        return self._file.readinto(memoryview(buffer)[:1000])


@pytest.mark.parametrize("format", FORMATS)
def test_file_objects_are_written_and_read(tmp_path: Path, format: str) -> None:
    path = save_audio(tmp_path / f"a.{format}", noise(), RATE, recipe={"seed": 7})
    whole, file = load_audio(path), io.BytesIO()
    assert save_audio(file, noise(), RATE, format=format.upper(), recipe={"seed": 7}) is None
    # The number of an Ogg stream is drawn, and stands in the checksum of each page.
    assert file.getvalue() == path.read_bytes() or format == "ogg"
    assert len(file.getvalue()) == path.stat().st_size and not file.closed
    sources = [file, io.BytesIO(path.read_bytes()), path.open("rb"), Pipe(path.read_bytes())]
    for source in sources:
        assert torch.equal(load_audio(source).samples, whole.samples)
    for source in sources[:3]:  # again, from wherever they stand
        piece = load_audio(source, start=0.25, duration=0.5)
        assert torch.equal(piece.samples, whole.samples[:, RATE // 4 : RATE * 3 // 4])
        assert read_recipe(source) == {"seed": 7}
        assert probe(source).duration == 1.0
        assert torch.equal(load_mono(source).samples, whole.mono().samples)
    sources[2].close()


def test_a_file_object_is_written_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb", buffering=0) as file:
        file.write(b"before")
        save_audio(file, noise(), RATE, format="flac")
    assert (tmp_path / "a").read_bytes().startswith(b"beforefLaC")
    with gzip.open(tmp_path / "a.gz", "wb") as packed:
        save_audio(packed, noise(), RATE, format=".wav")
    with gzip.open(tmp_path / "a.gz", "rb") as packed:
        assert load_audio(packed).duration == 1.0


def test_a_path_of_any_suffix_takes_a_format(tmp_path: Path) -> None:
    path = save_audio(tmp_path / "take", noise(), RATE, format="flac", recipe={"seed": 1})
    assert path.read_bytes().startswith(b"fLaC") and contents(tmp_path) == ["take"]
    path = save_audio(tmp_path / "b.take", noise(), RATE, format="wav", recipe={"seed": 1})
    assert contents(tmp_path) == ["b.take", "take"] and read_recipe(path) == {"seed": 1}


@pytest.mark.parametrize(
    "file, format, words",
    [
        (io.BytesIO(), None, "give format=, one of .wav, .flac"),
        (io.BytesIO(), "m4a", "in the format 'm4a'"),
        (io.StringIO(), "wav", "mode 'wb'"),
        (io.BufferedReader(io.BytesIO()), "wav", "mode 'wb'"),
        (17, "wav", "cannot write to the int"),
        (None, "wav", "cannot write to the NoneType"),
    ],
)
def test_what_is_no_file_to_write_to_is_said(file: object, format: str, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        save_audio(file, noise(), RATE, format=format)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "file, words",
    [
        (io.StringIO("text"), "mode 'rb'"),
        (io.BytesIO(), "empty"),
        (io.BytesIO(b"dear diary"), "no audio file"),
        (io.BufferedWriter(io.BytesIO()), "mode 'rb'"),
        (17, "cannot read the int"),
        (None, "cannot read the NoneType"),
    ],
)
def test_what_is_no_file_to_read_is_said(file: object, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        load_audio(file)  # type: ignore[arg-type]
    closed = io.BytesIO(b"RIFF")
    closed.close()
    with pytest.raises(AudioError, match="closed"):
        load_audio(closed)


# Names and places


@pytest.mark.parametrize("reader", [load_audio, load_mono, probe, read_recipe])
def test_only_regular_files_are_read(tmp_path: Path, reader) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", "/dev/zero", tmp_path, "a\0.wav", "\ud800.wav", "a" * 300):
        with pytest.raises(AudioError, match="cannot read"):
            reader(path)


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "link.wav").symlink_to("pipe.wav")
    deep = tmp_path.joinpath(*["a"] * 2000, "a.wav")
    places = ["pipe.wav", "link.wav", "a\0.wav", "\ud800.wav", "a" * 252 + ".wav", deep]
    for place in places:
        with pytest.raises(AudioError, match="cannot write"):
            save_audio(tmp_path / place, noise(), RATE)
    assert contents(tmp_path) == ["link.wav", "pipe.wav"]
    assert (tmp_path / "pipe.wav").is_fifo()


def test_a_wav_whose_recipe_has_too_long_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 251 + ".wav")
    with pytest.raises(AudioError, match=r"\.json beside it has 256 bytes"):
        save_audio(path, noise(), RATE, recipe={"seed": 1})
    assert contents(tmp_path) == []
    save_audio(path, noise(), RATE)  # has no companion
    save_audio(path.with_suffix(".ogg"), noise(), RATE, recipe={"seed": 1})


def test_a_pipe_in_the_place_of_the_recipe_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    with pytest.warns(UserWarning, match="left alone"):
        save_audio(tmp_path / "a.wav", noise(), RATE, recipe={"seed": 1})
    assert (tmp_path / "a.json").is_fifo() and read_recipe(tmp_path / "a.wav") == {"seed": 1}


def test_names_in_another_encoding_are_written_and_read(tmp_path: Path) -> None:
    for suffix in FORMATS:
        path = tmp_path / os.fsdecode(f"café.{suffix}".encode("latin-1"))
        try:
            path.touch()
        except OSError:
            pytest.skip("the file system knows no such names")
        save_audio(path, noise(), RATE, recipe={"seed": 1})
        assert load_audio(path).duration == 1.0 and load_mono(path).duration == 1.0
        assert read_recipe(path) == {"seed": 1}


# Headers


def flac_of(samples: int) -> bytes:
    data = bytearray(encoded("flac"))
    data[21:26] = ((data[21] & 0xF0) << 32 | samples).to_bytes(5, "big")
    return bytes(data)


def encoded(format: str) -> bytes:
    file = io.BytesIO()
    save_audio(file, noise(), RATE, format=format, loudness=None)
    return file.getvalue()


def changed(format: str, place: bytes | int, offset: int, content: bytes) -> bytes:
    """A file with some bytes of its header replaced, counted from a mark or the beginning."""
    data = bytearray(encoded(format))
    start = (data.index(place) if isinstance(place, bytes) else place) + offset
    data[start : start + len(content)] = content
    return bytes(data)


ONES, BIG = b"\xff" * 4, b"\xff\xff\xff\x7f"
HEADERS = {
    "flac of 2^36-1 samples": flac_of(2**36 - 1),
    "flac of 2^31 samples": flac_of(2**31),
    "flac of a rate of 655350 Hz": changed("flac", 0, 18, b"\x9f\xff\xf0"),
    "flac of a rate of 0 Hz": changed("flac", 0, 18, bytes(3)),
    "wav of 65535 channels": changed("wav", b"fmt ", 10, b"\xff\xff"),
    "wav of 0 channels": changed("wav", b"fmt ", 10, b"\0\0"),
    "wav of 4 GHz": changed("wav", b"fmt ", 12, ONES),
    "wav of 0 Hz": changed("wav", b"fmt ", 12, bytes(4)),
    "wav of no block": changed("wav", b"fmt ", 20, b"\0\0"),
    "wav of 65535 bits": changed("wav", b"fmt ", 22, b"\xff\xff"),
    "wav of 2 GiB": changed("wav", b"data", 4, b"\0\0\0\x7f"),
    "wav of a huge fmt": changed("wav", b"fmt ", 4, BIG),
    "ogg of 2^62 samples": changed("ogg", encoded("ogg").rindex(b"OggS"), 6, b"\xff" * 7 + b"\x3f"),
    "ogg of 255 channels": changed("ogg", b"\x01vorbis", 11, b"\xff"),
    "ogg of 4 GHz": changed("ogg", b"\x01vorbis", 12, ONES),
    "mp3 of 2^32-1 frames": changed("mp3", b"Xing", 8, ONES),
    "mp3 of a tag of 256 MB": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + encoded("mp3"),
}

UNHARMED = {"wav of no block", "ogg of 2^62 samples"}


@pytest.mark.parametrize("name", HEADERS)
def test_an_absurd_header_asks_for_no_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(HEADERS[name])
    reset_peak()
    before = peak()
    for reader in (load_audio, load_mono):
        try:
            assert reader(path).duration == pytest.approx(1.0, abs=0.1)
            assert name in UNHARMED
        except AudioError as error:
            assert name not in UNHARMED and "\n" not in str(error)
    assert peak() - before < 100e6


def test_a_stated_length_beyond_the_bound_is_named_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(flac_of(2**36 - 1))
    with pytest.raises(AudioError, match="2147484 s of 2 channels .* up to 1073741824 samples"):
        load_audio(tmp_path / "a.flac")
    piece = load_audio(tmp_path / "a.flac", duration=0.5)  # what is there can be had
    assert piece.duration == 0.5


@pytest.mark.parametrize("format", FORMATS)
def test_mutated_files_give_audio_or_an_error(tmp_path: Path, format: str) -> None:
    good, dice = encoded(format), random.Random(format)
    readers = (load_audio, load_mono, probe)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(min(len(data), 200))
            data[place] = dice.randrange(256)
            if dice.random() < 0.3:
                data[place : place + 4] = dice.choice([ONES, BIG, bytes(4)])
        path = tmp_path / "a"
        path.write_bytes(data)
        started = time.perf_counter()
        for reader in readers:
            with suppressed():
                reader(path)
        assert time.perf_counter() - started < 5


@contextlib.contextmanager
def suppressed() -> Iterator[None]:
    """No warnings, and no error of audio."""
    with warnings.catch_warnings(), contextlib.suppress(AudioError):
        warnings.simplefilter("ignore")
        yield


# Long files

HOURS = """
import sys, warnings
from pathlib import Path
import jasco.conditions, soundfile, soxr
from jasco.audio import load_audio, load_mono, probe
from jasco.conditions import Conditions
from memory import peak
path = Path(sys.argv[1])
before = peak()
assert probe(path).duration == 7200.0
assert load_audio(path, start=7100.0, duration=10.0).duration == 10.0
sliced = peak()
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    assert Conditions(drums=path).drums.duration == 600.0
assert "longer than the 600 s" in str(told[0].message)
print((sliced - before) / 1e6, (peak() - sliced) / 1e6)
"""


def test_two_hours_of_drums_take_the_memory_of_their_slice(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    block = np.random.default_rng(0).integers(-1000, 1000, (8000 * 60, 2), np.int16)
    with soundfile.SoundFile(path, "w", 8000, 2, "PCM_16") as sound:
        for _ in range(120):
            sound.write(block)
    assert LONGEST_DRUMS == 600
    done = subprocess.run(
        [sys.executable, "-c", HOURS, path],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    sliced, drums = map(float, done.stdout.split())  # MB; the whole file is 461 MB as floats
    assert sliced < 20 and drums < 150


def test_a_named_drum_file_that_is_short_is_read_whole(tmp_path: Path) -> None:
    save_audio(tmp_path / "a.wav", noise(2.0), RATE)
    assert Conditions(drums=tmp_path / "a.wav").drums.duration == 2.0


# Writers that meet, and writers that die

WRITER = """
import sys, torch
from pathlib import Path
from jasco.audio import save_audio
folder, seed, suffix = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
samples = torch.full((1, 400_000), seed / 10)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[4])):
    save_audio(folder / f"a.{suffix}", samples, 32000, loudness=None, recipe={"seed": seed})
"""


def writer(folder: Path, seed: int, suffix: str, times: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(folder), str(seed), suffix, str(times)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start(*writers: subprocess.Popen[str]) -> None:
    for process in writers:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def check_whole(path: Path) -> int:
    """A file is one writer's, with its recipe; returns the writer's seed."""
    content = io.BytesIO(path.read_bytes())
    recipe = read_recipe(content)
    assert recipe is not None
    samples = load_audio(content).samples
    assert samples.shape == (1, 400_000)
    assert float(samples.median()) == pytest.approx(recipe["seed"] / 10, abs=0.01)
    return recipe["seed"]


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_of_two_processes_that_write_one_file_either_wins(tmp_path: Path, suffix: str) -> None:
    processes = [writer(tmp_path, seed, suffix, 20) for seed in (1, 2)]
    start(*processes)
    while any(process.poll() is None for process in processes):
        if (tmp_path / f"a.{suffix}").exists():
            check_whole(tmp_path / f"a.{suffix}")
    assert [process.wait() for process in processes] == [0, 0]
    seed = check_whole(tmp_path / f"a.{suffix}")
    if suffix == "wav":
        assert json.loads((tmp_path / "a.json").read_text()) == {"seed": seed}
    assert contents(tmp_path) == (["a.json", "a.wav"] if suffix == "wav" else ["a.flac"])


def test_a_killed_writer_leaves_whole_files_and_nothing_begun(tmp_path: Path) -> None:
    dice = random.Random(0)
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = writer(tmp_path, 3, "wav", 10_000)
        start(process)
        time.sleep(dice.uniform(0.02, 0.3))
        process.send_signal(how)
        process.wait()
        if (tmp_path / "a.wav").exists():
            check_whole(tmp_path / "a.wav")
        # A named file is whole, also one of the moment between its naming and its renaming.
        named = {path.name for path in tmp_path.iterdir() if path.suffix == ".part"}
        assert len(named) <= 1 and set(contents(tmp_path)) <= {"a.json", "a.wav", *named}
        for path in map(tmp_path.joinpath, named):
            if path.read_bytes().startswith(b"RIFF"):
                check_whole(path)
            else:
                assert json.loads(path.read_text()) == {"seed": 3}
            path.unlink()
    save_audio(tmp_path / "a.wav", noise(), RATE, recipe={"seed": 4})  # goes on from there
    assert json.loads((tmp_path / "a.json").read_text()) == {"seed": 4}
