"""Lengths of compressed audio that states none, or a wrong one."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco.audio import load_audio, load_mono, mpeg, probe
from jasco.errors import AudioError

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed"
)
# Two frames of an encoder's own delay and padding, and the decoder's 529 samples.
EDGE = 4 * 1152


def changing(seconds: float, rate: int, channels: int, loud_first: bool) -> np.ndarray:
    """Noise (N, channels) whose first 60 % are near silence, or whose last are: its frames vary."""
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    edge = round((0.4 if loud_first else 0.6) * len(samples))
    samples[edge:] *= 1e-4 if loud_first else 1
    samples[:edge] *= 1 if loud_first else 1e-4
    return samples.astype(np.float32)


def vbr(path: Path, samples: np.ndarray, rate: int) -> mpeg.Scan:
    """Write an mp3 of variable rate with a Xing header; returns its frames."""
    with soundfile.SoundFile(
        path, "w", rate, samples.shape[1], "MPEG_LAYER_III", compression_level=0.3,
        bitrate_mode="VARIABLE",
    ) as sound:  # fmt: skip
        sound.write(samples)
    with path.open("rb") as file:
        found = mpeg.scan(file)
    assert found is not None and found.understood and found.frames == found.stated
    return found


def without_header(path: Path, rate: int, channels: int, loud_first: bool, seconds=10.0) -> Path:
    """Write a file of ten seconds whose first frame, which holds the Xing header, is cut off."""
    found = vbr(path, changing(seconds, rate, channels, loud_first), rate)
    path.write_bytes(path.read_bytes()[found.start :])
    return path


@pytest.mark.parametrize("loud_first", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "rate", [44100, 48000, 32000, 22050, 24000, 16000, 11025, 12000, 8000]
)  # MPEG 1, 2 and 2.5
def test_an_mp3_of_variable_rate_without_a_header_has_its_true_length(
    tmp_path: Path, rate: int, channels: int, loud_first: bool
) -> None:
    path = tmp_path / "a.mp3"
    vbr(path, changing(10.0, rate, channels, loud_first), rate)
    reference = load_audio(path).samples
    assert reference.shape == (channels, 10 * rate)
    path = without_header(path, rate, channels, loud_first)
    assert probe(path)[1:] == (rate, channels)
    assert probe(path).duration == pytest.approx(10.0, abs=EDGE / rate)
    audio = load_audio(path)
    assert audio.sample_rate == rate and audio.duration == probe(path).duration
    assert load_mono(path).samples.shape[1] == audio.samples.shape[1]
    for start, duration in ((0.0, 0.5), (4.567, 1.25), (9.0, 0.9)):  # the same samples
        first = round(start * rate)
        piece = load_audio(path, start=start, duration=duration).samples
        assert piece.shape[1] == round(duration * rate)
        part = audio.samples[:, first : first + piece.shape[1]]
        # The first frames may lack bits of those before them.
        torch.testing.assert_close(piece, part, atol=5e-4, rtol=0)

    # The change of level stands where it stood in the file with its header.
    shift = change(audio.samples, rate, loud_first) - change(reference, rate, loud_first)
    assert abs(shift) < 0.02 + EDGE / 2 / rate


def change(samples: torch.Tensor, rate: int, loud_first: bool) -> float:
    """Place of the end, or the beginning, of the loud part (s)."""
    size = rate // 100
    blocks = samples[0, : samples.shape[1] // size * size].view(-1, size)
    loud = (blocks.square().mean(1) > 0.01).nonzero()
    return float(loud.max() if loud_first else loud.min()) / 100


def test_the_cost_does_not_grow_faster_than_the_length(tmp_path: Path) -> None:
    path = without_header(tmp_path / "a.mp3", 44100, 2, False, seconds=60)
    content = path.read_bytes()
    taken = []
    for times in (1, 30):  # one minute and half an hour
        path.write_bytes(content * times)
        started = time.perf_counter()
        piece = load_audio(path, start=60 * times - 30, duration=1.0)
        taken.append(time.perf_counter() - started)
        assert piece.samples.shape == (2, 44100)
        assert probe(path).duration == pytest.approx(60.0 * times, abs=0.2 * times)
    assert taken[1] < 5


@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_an_mp3_with_a_header_that_is_cut_short_is_still_refused(
    tmp_path: Path, part: float
) -> None:
    path = tmp_path / "a.mp3"
    vbr(path, changing(10.0, 44100, 2, False), 44100)
    data = path.read_bytes()
    path.write_bytes(data[: round(part * len(data))])
    with pytest.raises(AudioError, match="cut short"):
        load_audio(path)


def test_an_mp3_without_a_header_that_ends_within_a_frame_is_told(tmp_path: Path) -> None:
    path = without_header(tmp_path / "a.mp3", 44100, 2, False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_audio(path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.warns(UserWarning, match=r"ends within an mp3 frame .* may be cut short"):
        assert load_audio(path).duration == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize("tag", ["ID3v2", "footer", "ID3v1", "APE", "junk", "all"])
def test_tags_and_junk_around_the_frames_are_no_frames(tmp_path: Path, tag: str) -> None:
    path = without_header(tmp_path / "a.mp3", 44100, 2, False)
    plain = load_audio(path).samples
    content = path.read_bytes()
    # An ID3 tag holds a picture whose bytes look like headers of frames.
    body = b"APIC" + (3000).to_bytes(4, "big") + b"\0\0" + b"\xff\xfb\x90\x64" * 750
    size = bytes(len(body) >> 7 * (3 - i) & 0x7F for i in range(4))
    id3 = b"ID3\x04\0\0" + size + body
    footer = b"ID3\x04\0\x10" + size + body + b"3DI\x04\0\x10" + size
    ape = b"APETAGEX" + (2000).to_bytes(4, "little") + (32).to_bytes(4, "little") + bytes(16)
    around = {
        "ID3v2": (id3, b""),
        "footer": (footer, b""),
        "ID3v1": (b"", b"TAG".ljust(128, b"x")),
        "APE": (b"", ape),
        "junk": (bytes(500), bytes(5000)),
        "all": (id3 + id3, ape + b"TAG".ljust(128, b"x")),
    }
    before, behind = around[tag]
    path.write_bytes(before + content + behind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio = load_audio(path)
        unnamed = load_audio(io.BytesIO(path.read_bytes()))
        other = load_audio(path.rename(tmp_path / "a.bin"))
    assert abs(audio.samples.shape[1] - plain.shape[1]) <= EDGE // 2
    assert torch.equal(audio.samples, unnamed.samples)
    assert torch.equal(audio.samples, other.samples)


def test_a_few_frames_within_other_data_are_no_mp3(tmp_path: Path) -> None:
    frames = without_header(tmp_path / "a.mp3", 44100, 2, False).read_bytes()[:4000]
    path = tmp_path / "b.mp3"
    path.write_bytes(bytes(10_000) + frames + bytes(10_000))
    with pytest.raises(AudioError, match="no audio file"):
        load_audio(path)


def test_two_mp3s_in_one_file_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    vbr(path, changing(6.0, 44100, 2, False), 44100)
    path.write_bytes(path.read_bytes() * 2)  # the header states the first half only
    assert load_audio(path).duration == pytest.approx(12.0, abs=2 * EDGE / 44100)


def test_what_follows_the_frames_and_is_none_is_told(tmp_path: Path) -> None:
    path = without_header(tmp_path / "a.mp3", 44100, 2, False)
    path.write_bytes(path.read_bytes() + bytes(1 << 20))
    with pytest.warns(UserWarning, match="1048576 bytes behind"):
        assert load_audio(path).duration == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"\xff\xfb\x90\x64", b"\xff\xfb\x90\x64" * 300_000, b"\xff" * 10**6,
     bytes(10**6), b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"ID3\x04\0\0\0\0\0\0" * 100_000],
    ids=["nothing", "a byte", "a header", "headers", "ones", "zeros", "a huge tag", "tags"],
)  # fmt: skip
def test_what_is_no_stream_is_seen_at_once(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    started = time.perf_counter()
    with path.open("rb") as file:
        mpeg.scan(file)
    assert time.perf_counter() - started < 2
    with pytest.raises(AudioError):
        load_audio(path)


@needs_ffmpeg
def test_the_length_is_that_of_ffmpeg(tmp_path: Path) -> None:
    path = without_header(tmp_path / "a.mp3", 44100, 2, True)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-"]
    decoded = subprocess.run(command, capture_output=True, check=True).stdout
    assert len(decoded) / 8 / 44100 == pytest.approx(load_audio(path).duration, abs=0.06)


def piped_flac(path: Path, seconds: float, rate: int, channels: int) -> np.ndarray:
    """Write a FLAC file that states no length, as an encoder does into a pipe."""
    samples = changing(seconds, rate, channels, False)
    soundfile.write(path, samples, rate)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    return samples


@pytest.mark.parametrize("rate, channels", [(44100, 2), (8000, 1), (96000, 6), (22050, 1)])
@pytest.mark.parametrize("seconds", [0.05, 1.0, 9.37])
def test_a_flac_that_states_no_length_has_that_of_its_frames(
    tmp_path: Path, seconds: float, rate: int, channels: int
) -> None:
    samples = piped_flac(tmp_path / "a.flac", seconds, rate, channels)
    audio = load_audio(tmp_path / "a.flac")
    assert audio.samples.shape == samples.T.shape
    assert (audio.samples - torch.from_numpy(samples.T)).abs().max() < 2**-14
    if seconds > 9:
        piece = load_audio(tmp_path / "a.flac", start=5.0, duration=1.0)
        assert torch.equal(piece.samples, audio.samples[:, 5 * rate : 6 * rate])


def test_a_flac_of_no_length_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    piped_flac(tmp_path / "a.flac", 3.0, 44100, 2)
    (tmp_path / "a.flac").write_bytes((tmp_path / "a.flac").read_bytes()[:-1000])
    with pytest.raises(AudioError, match="cut short or damaged"):
        load_audio(tmp_path / "a.flac")


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["flac", "wav", "ogg", "mp3"])
def test_what_ffmpeg_writes_into_a_pipe_is_read(tmp_path: Path, kind: str) -> None:
    samples = changing(9.37, 44100, 2, False)
    soundfile.write(tmp_path / "a.wav", samples, 44100)
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.wav"), "-f", kind, "-"]
    (tmp_path / "b").write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    assert load_audio(tmp_path / "b").duration == pytest.approx(9.37, abs=EDGE / 44100)


def test_an_ogg_of_two_streams_or_without_its_end_is_told(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, 44100)
        soundfile.write(tmp_path / f"{name}.ogg", noise, 44100)
    first, second = ((tmp_path / f"{name}.ogg").read_bytes() for name in "ab")
    (tmp_path / "two.ogg").write_bytes(first + second)
    with pytest.warns(UserWarning, match="several streams, of which only the first"):
        load_audio(tmp_path / "two.ogg")
    (tmp_path / "cut.ogg").write_bytes(first[: first.rindex(b"OggS")])
    with pytest.warns(UserWarning, match="may be cut short"):
        load_audio(tmp_path / "cut.ogg")
