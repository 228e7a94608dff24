"""Audio files: reading slices, writing whole files or none, and the recipe in their tags.

Written files, by suffix (limits and tags measured with libsndfile 1.2.2):

======  ======================  ========  ============================  ========================
suffix  encoding                channels  sample rates (Hz)             recipe
======  ======================  ========  ============================  ========================
.wav    PCM of 24 bit           any       any                           INFO comment and a .json
.flac   PCM of 24 bit           1 to 8    up to 655350                  Vorbis comment
.mp3    best variable rate, V0  1 or 2    8000, 11025, 12000 ... 48000  ID3 comment
.ogg    Vorbis, quality 0.8     1 to 255  up to 200000                  Vorbis comment
======  ======================  ========  ============================  ========================

A rate that a format does not know is resampled to the next higher one that it does, or its highest.
A recipe is one line of ASCII JSON; 200 kB came back whole from each of the four.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shutil
import subprocess
import tempfile
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import soundfile
import torch

from jasco.atomic import replacing
from jasco.audio import riff
from jasco.audio.level import Limiter, normalize_loudness
from jasco.audio.signal import Audio, checked, span
from jasco.errors import AudioError
from jasco.plain import parse_object


class _Format(NamedTuple):
    """What libsndfile is asked for, and the limits beyond which it fails or crashes."""

    name: str
    subtype: str
    max_channels: int
    rates: Sequence[int]
    compression_level: float | None = None
    bitrate_mode: str | None = None


_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_FORMATS = {
    ".wav": _Format("WAV", "PCM_24", 1024, range(1, 655_351)),
    ".flac": _Format("FLAC", "PCM_24", 8, range(1, 655_351)),
    ".mp3": _Format("MP3", "MPEG_LAYER_III", 2, _MPEG_RATES, 0.0, "VARIABLE"),
    ".ogg": _Format("OGG", "VORBIS", 255, range(1, 200_001), 0.2),
}
FFMPEG_SUFFIXES = {".m4a", ".mp4", ".aac", ".wma", ".webm"}
# Encoders count the frames of a sound mp3 one or two apart.
_TOLERANCE = 2 * 1152
_WRITE_BLOCK = 1 << 16


def load_audio(
    path: str | os.PathLike[str], *, start: float = 0.0, duration: float | None = None
) -> Audio:
    """Read an audio file, or a slice of it, at its own rate and with all its channels.

    wav, flac, mp3, ogg and whatever else libsndfile knows; m4a, mp4, aac, wma and webm through the
    ``ffmpeg`` program where it is on the PATH. An mp3 of variable rate without a Xing header states
    no length: libsndfile then estimates one and reads no further.

    Args:
        path: the file.
        start: where to begin (s).
        duration: how much to read (s); a file that ends earlier gives what it has.

    Raises:
        AudioError: missing or empty file, not audio, cut short or damaged within the slice, no
            samples, NaN or infinity, ``start`` beyond the end.
    """
    path = Path(path)
    with opened(path, start, duration) as (sound, start, duration):
        rate = sound.samplerate
        first, stop = span(start, duration, rate, sound.frames, str(path))
        sound.seek(first)
        samples: np.ndarray = sound.read(stop - first, dtype="float32", always_2d=True)
        check_complete(sound, path, first + len(samples), first + (duration or math.inf) * rate)
        return checked(samples.T, rate, str(path))


@contextmanager
def opened(
    path: Path, start: float = 0.0, duration: float | None = None
) -> Iterator[tuple[soundfile.SoundFile, float, float | None]]:
    """Open an audio file for reading, and say where in it a slice lies (s).

    Raises:
        AudioError: it is missing, empty or no audio, also where that shows only in reading on.
    """
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from error
    if empty:
        raise AudioError(f"{path} is empty (0 bytes): it holds no audio")
    try:
        with ExitStack() as stack:
            source: Path | BinaryIO = path
            if path.suffix.lower() in FFMPEG_SUFFIXES:
                source = stack.enter_context(_decode_with_ffmpeg(path, start, duration))
                start, duration = 0.0, None
            yield stack.enter_context(soundfile.SoundFile(source)), start, duration
    except (soundfile.SoundFileError, MemoryError) as error:
        reason = getattr(error, "error_string", str(error)).strip(" .")
        raise AudioError(
            f"{path} is no audio file that can be read, or a damaged one ({reason}): give wav, "
            "flac, mp3 or ogg, or m4a where ffmpeg is installed"
        ) from error


def check_complete(
    sound: soundfile.SoundFile, path: Path, stop: int, wanted: float = math.inf
) -> None:
    """Refuse a file that ended at sample ``stop`` though it states that it goes on.

    Args:
        sound: the file.
        path: its name.
        stop: samples that it had.
        wanted: samples that were asked of it.

    Raises:
        AudioError: it is cut short.
    """
    rate, stated = sound.samplerate, _stated_frames(sound, path)
    if stop < min(stated, wanted) - _TOLERANCE:
        raise AudioError(
            f"{path} is cut short or damaged: {stop / rate:.2f} s of its {stated / rate:.2f} s can "
            "be read; fetch or export it again"
        )


def _stated_frames(sound: soundfile.SoundFile, path: Path) -> int:
    """Length in samples that the file's own header states; 0 where it states none."""
    frames = int(sound.frames)
    with path.open("rb") as file:
        if sound.format == "MP3":
            # Only a Xing, Info or VBRI header counts; without one libsndfile has guessed.
            head = file.read(10)
            if head.startswith(b"ID3"):  # its size has 7 bits a byte
                file.seek(10 + sum(byte << 7 * (3 - i) for i, byte in enumerate(head[6:10])))
            head += file.read(4096)
            return frames if any(mark in head for mark in (b"Xing", b"Info", b"VBRI")) else 0
        for name, size in riff.chunks(file):
            present = path.stat().st_size - file.tell()
            # A stream that could not know its length states 2 GiB or more.
            if name == b"data" and 0 < present < size < 0x7FFF_0000:
                return frames * size // present
    return frames


def _decode_with_ffmpeg(path: Path, start: float, duration: float | None) -> BinaryIO:
    """A slice as a float wav in a temporary file, cut to the sample."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{path}: {path.suffix} is read through the ffmpeg program, which is not on the PATH: "
            "install ffmpeg, or convert the file to wav, flac, mp3 or ogg"
        )
    # "file:" and the whitelist keep odd names and playlists away from the network. Behind the
    # input, -ss and -t cut decoded samples; before it they would cut at packets.
    command = [program, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path}", "-vn", "-ss", f"{start:f}"]
    command += [] if duration is None else ["-t", f"{duration:f}"]
    command += ["-f", "wav", "-c:a", "pcm_f32le", "pipe:1"]
    decoded = cast(BinaryIO, tempfile.TemporaryFile())
    done = subprocess.run(command, stdout=decoded, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        decoded.close()
        reason = [*done.stderr.decode(errors="replace").splitlines(), "no reason given"][0]
        raise AudioError(f"{path} cannot be decoded, ffmpeg says: {reason}")
    decoded.seek(0)
    return decoded


def to_audio(value: Any, sample_rate: int | None = None) -> Audio:
    """Take audio in any of its usual shapes.

    Args:
        value: an `Audio`, a path, a pair (array, rate), or an array or tensor alone. Arrays are
            (channels, samples) or (samples,), of floating point, or int16 or int32 at full scale.
        sample_rate: the rate of a bare array (Hz); a value that knows its rate keeps it.

    Raises:
        AudioError: no rate, wrong shape or type, no samples, NaN or infinity.
    """
    if isinstance(value, str | os.PathLike):
        return load_audio(value)
    if isinstance(value, tuple | list) and len(value) == 2:
        value, sample_rate = value
    if not isinstance(value, np.ndarray | torch.Tensor):
        raise AudioError(
            f"a {type(value).__name__} is no audio: give load_audio(path), a path, or an array "
            "(channels, samples) with its sample rate"
        )
    if sample_rate is None:
        raise AudioError(
            "an array alone has no sample rate: give (array, rate) or load_audio(path)"
        )
    if value.ndim == 2 and 0 < value.shape[1] < value.shape[0]:
        raise AudioError(
            f"the audio has the shape {tuple(value.shape)}, more channels than samples: it looks "
            "like (samples, channels), so transpose it"
        )
    return checked(value, sample_rate, "the audio")


def save_audio(
    path: str | os.PathLike[str],
    samples: Any,
    sample_rate: int,
    *,
    loudness: float | None = -14.0,
    limiter: Limiter = "soft",
    recipe: Mapping[str, Any] | None = None,
) -> Path:
    """Write a wav, flac, mp3 or ogg file, whole or not at all.

    The file is encoded in memory, written beside its place and renamed; missing folders are made.
    Encodings and limits stand at the head of this module.

    Args:
        path: where; the suffix decides the format.
        samples: (channels, samples) or (samples,), tensor or array.
        sample_rate: in Hz.
        loudness: LUFS to bring the audio to, see `normalize_loudness`; ``None`` leaves the level,
            and samples beyond full scale are clipped with a warning.
        limiter: see `normalize_loudness`.
        recipe: what made the audio, as JSON can hold it. It goes into the comment tag, for wav also
            into a ``.json`` beside the file. A ``.json`` there that is not the recipe of the wav
            file being replaced belongs to someone else: it is left alone, with a warning.

    Returns:
        The path written.

    Raises:
        AudioError: unknown suffix, unfit samples, too many channels for the format, a recipe that
            JSON cannot hold, a full disk, a folder that cannot be written.
        SettingError: loudness or limiter out of range.
    """
    path = Path(path)
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise AudioError(
            f"cannot write {path}: the suffix must be one of {', '.join(_FORMATS)}, "
            f"not {path.suffix!r}"
        )
    try:
        text = None if recipe is None else json.dumps(dict(recipe), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AudioError(f"cannot write {path}: the recipe is no JSON data ({error})") from error
    audio = to_audio(samples, sample_rate)
    if audio.samples.shape[0] > form.max_channels:
        raise AudioError(
            f"cannot write {path}: {form.name} holds up to {form.max_channels} channels and the "
            f"audio has {audio.samples.shape[0]}; mix it down, or write wav"
        )
    nearest = min(bisect_left(form.rates, audio.sample_rate), len(form.rates) - 1)
    audio = audio.resample(form.rates[nearest])
    if loudness is not None:
        audio = normalize_loudness(audio, loudness, limiter=limiter)
    if clipped := int((audio.samples.abs() > 1).sum()):
        warnings.warn(f"{path}: {clipped} samples beyond full scale are clipped", stacklevel=2)
    files = {path: _encode(audio, form, text)}
    side = path.with_suffix(".json")
    ours = form.name == "WAV" and _is_recipe_of(side, path)
    if form.name == "WAV" and text is not None:
        if ours or not side.exists():
            files[side] = text.encode("ascii")
        else:
            warnings.warn(
                f"{side} is not the recipe of an earlier {path.name} and is left alone; the new "
                f"recipe is in the tag of {path.name} only",
                stacklevel=2,
            )
    _write_all(files)
    if ours and text is None:
        side.unlink()  # it told of the audio that was just replaced
    return path


def _encode(audio: Audio, form: _Format, comment: str | None) -> bytes:
    """The bytes of an audio file, samples beyond full scale clipped."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer,
        "w",
        audio.sample_rate,
        audio.samples.shape[0],
        form.subtype,
        format=form.name,
        compression_level=form.compression_level,
        bitrate_mode=form.bitrate_mode,
    ) as sound:
        if comment is not None and form.name != "WAV":
            sound.comment = comment
        # In blocks, because libsndfile crashes on a long Vorbis signal given in one piece.
        for block in audio.samples.clamp(-1, 1).T.split(_WRITE_BLOCK):
            sound.write(block.numpy())
    if comment is not None and form.name == "WAV":
        riff.append_comment(buffer, comment)
    return buffer.getvalue()


def _write_all(files: Mapping[Path, bytes]) -> None:
    """Write files, all of them or none, the first one's name at its place before the others'."""
    first, *_ = files
    try:
        with ExitStack() as stack:
            for path, content in reversed(list(files.items())):  # what is entered last ends first
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(replacing(path)).write_bytes(content)
    except OSError as error:
        raise AudioError(f"cannot write {error.filename2 or first}: {error.strerror}") from error


def read_recipe(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The recipe in a file's comment tag, else in the ``.json`` beside a wav file, else ``None``.

    Raises:
        AudioError: the file is missing or is no audio.
    """
    path = Path(path)
    recipe = _tag(path)
    side = path.with_suffix(".json")
    if recipe is None and path.suffix.lower() == ".wav" and side.is_file():
        return _json_object(side.read_text(encoding="utf-8", errors="replace"))
    return recipe


def _tag(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file's comment tag, if it holds one."""
    try:
        with path.open("rb") as file:
            comment = riff.read_comment(file)
        if comment is None:
            with soundfile.SoundFile(path) as sound:
                comment = sound.comment
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from error
    except soundfile.SoundFileError as error:
        raise AudioError(f"{path} is no audio file that can be read: it has no recipe") from error
    return _json_object(comment)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        return parse_object(text, "the comment", AudioError)
    except AudioError:
        return None


def _is_recipe_of(side: Path, path: Path) -> bool:
    """Whether ``side`` holds the recipe that the audio file ``path`` carries."""
    with contextlib.suppress(OSError, AudioError):
        recipe = _json_object(side.read_text(encoding="utf-8", errors="replace"))
        return recipe is not None and recipe == _tag(path)
    return False
