"""Audio files: reading slices, atomic writing, and the recipe in the tags.

Written files, by suffix (limits and tags measured with libsndfile 1.2.2):

======  ======================  ========  ============================  ========================
suffix  encoding                channels  sample rates (Hz)             recipe
======  ======================  ========  ============================  ========================
.wav    PCM of 24 bit           any       any                           INFO comment and a .json
.flac   PCM of 24 bit           1 to 8    up to 655350                  Vorbis comment
.mp3    best variable rate, V0  1 or 2    8000, 11025, 12000 ... 48000  ID3v2 comment
.ogg    Vorbis, quality 0.8     1 to 255  up to 200000                  Vorbis comment
======  ======================  ========  ============================  ========================

Other rates are resampled to the format's next higher one, or its highest. A recipe is one line of
ASCII JSON; recipes of 200 kB were read back complete from each of the four formats.
"""

from __future__ import annotations

import io
import os
import warnings
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, overload

import numpy as np
import soundfile
import torch

from jasco.audio import riff
from jasco.audio.credentials import Credential, check_signable, signed
from jasco.audio.decoding import Source, opened
from jasco.audio.level import Limiter, normalize_loudness
from jasco.audio.loops import LoopPoints, normalize_loop
from jasco.audio.marks import TAG, VOCABULARY, checked_mark, comment_of, xmp_packet
from jasco.audio.recipes import is_recipe_of
from jasco.audio.signal import Audio, checked
from jasco.audio.stream import load_mono
from jasco.audio.tag_writing import with_tags
from jasco.errors import AudioError, JascoWarning
from jasco.io.atomic import replace_all
from jasco.io.files import output_file


class _Format(NamedTuple):
    """Encoding of libsndfile, and the limits beyond which it fails or crashes."""

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
_WRITE_BLOCK = 1 << 16


def load_audio(path: Source, *, start: float = 0.0, duration: float | None = None) -> Audio:
    """Read an audio file, or a slice of it, at its own rate and with all its channels.

    Formats: wav, flac, mp3, ogg and all others of libsndfile; m4a, mp4, aac, wma and webm through
    the ``ffmpeg`` program where it is on the PATH. The content decides, not the suffix. The frames
    of an mp3 without a stated length are counted.

    Args:
        path: path of a regular file, or file object opened for reading bytes, which is read from
            its beginning and left open.
        start: start of the slice (s).
        duration: length of the slice (s), or less where the file ends earlier.

    Raises:
        AudioError: missing or empty file, not audio, cut short or damaged within the slice, no
            samples, NaN or infinity, more than 2^30 samples at once, ``start`` beyond the end.
    """
    with opened(path, start, duration) as decoder:
        samples = torch.from_numpy(decoder.read())
        return checked(samples.T, decoder.rate, decoder.name)


def load_channels(path: Source, channels: int, *, highest_rate: int = 48000) -> Audio:
    """Read a whole file in a number of channels; see `load_mono` and `Audio.with_channels`."""
    if channels == 1:
        return load_mono(path, highest_rate=highest_rate)
    audio = load_audio(path).with_channels(channels)
    return audio.resample(min(audio.sample_rate, highest_rate))


def to_audio(value: Any, sample_rate: int | None = None) -> Audio:
    """Convert audio of any accepted type to `Audio`.

    Args:
        value: an `Audio`, a path, a pair (array, rate), or an array or tensor. Arrays are
            (channels, samples) or (samples,), of floating point, or int16 or int32 at full scale.
        sample_rate: sample rate of an array (Hz); other values have their own.

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


@overload
def save_audio(
    path: str | os.PathLike[str],
    samples: Any,
    sample_rate: int,
    *,
    format: str | None = None,
    loudness: float | None = -14.0,
    limiter: Limiter = "soft",
    recipe: Mapping[str, Any] | None = None,
    loop: LoopPoints | None = None,
    mark: bool | str | None = None,
    tags: Mapping[str, str] | None = None,
    credential: Credential | None = None,
) -> Path: ...


@overload
def save_audio(
    path: BinaryIO,
    samples: Any,
    sample_rate: int,
    *,
    format: str,
    loudness: float | None = -14.0,
    limiter: Limiter = "soft",
    recipe: Mapping[str, Any] | None = None,
    loop: LoopPoints | None = None,
    mark: bool | str | None = None,
    tags: Mapping[str, str] | None = None,
    credential: Credential | None = None,
) -> None: ...


def save_audio(
    path: str | os.PathLike[str] | BinaryIO,
    samples: Any,
    sample_rate: int,
    *,
    format: str | None = None,
    loudness: float | None = -14.0,
    limiter: Limiter = "soft",
    recipe: Mapping[str, Any] | None = None,
    loop: LoopPoints | None = None,
    mark: bool | str | None = None,
    tags: Mapping[str, str] | None = None,
    credential: Credential | None = None,
) -> Path | None:
    """Write a wav, flac, mp3 or ogg file atomically.

    The file is encoded in memory, written under a temporary name and renamed; missing folders are
    made. The module's table lists encodings and limits.

    Args:
        path: path of the file, or file object opened for writing bytes, which is written at its
            position and left open.
        samples: (channels, samples) or (samples,), tensor or array.
        sample_rate: sample rate (Hz).
        format: wav, flac, mp3 or ogg; by default the suffix of the path.
        loudness: target (LUFS), see `normalize_loudness`; ``None`` keeps the level, and samples
            beyond full scale are clipped with a warning.
        limiter: see `normalize_loudness`.
        recipe: recipe of the audio, JSON data. It is written into the comment tag, for a path that
            ends in ``.wav`` also into a ``.json`` beside the file. An existing ``.json`` that is
            not the recipe of the replaced wav file is kept, with a warning.
        loop: facts of a loop, which a wav file holds for samplers.
        mark: digital source type that the file states, see `jasco.audio.marks`; by default that of
            generated audio where there is a recipe. ``True`` marks without a recipe too, and
            ``False`` nothing.
        tags: further tags of flac, ogg and mp3, such as ``BPM`` and ``INITIALKEY``.
        credential: certificate that signs a C2PA manifest, which states the mark too; not in ogg.

    Returns:
        Path of the file; ``None`` for a file object.

    Raises:
        AudioError: unknown format, unfit samples, too many channels for the format, a recipe that
            JSON cannot hold, a full disk, a path that cannot be written (see
            `jasco.io.files.output_file`).
        SettingError: loudness, limiter or mark out of range; a credential without a mark.
    """
    mark = checked_mark(True if mark is None and credential is not None else mark, recipe)
    form, name = _format(path, format)
    if credential is not None:
        check_signable(form.name, name, mark)
    is_wav = False
    if isinstance(path, str | os.PathLike):
        is_wav = form.name == "WAV" and Path(path).suffix.lower() == ".wav"
        side = Path(path).with_suffix(".json") if is_wav and recipe is not None else None
        path = output_file(path, AudioError, companions=[side] if side else [])
    try:
        comment = comment_of(recipe, mark)
    except (TypeError, ValueError, RecursionError) as error:
        raise AudioError(f"cannot write {name}: the recipe is no JSON data ({error})") from error
    audio = _fitted(to_audio(samples, sample_rate), form, name, loudness, limiter, loop)
    content = _tagged(_encode(audio, form), audio, form, comment, mark, loop, tags or {})
    if credential is not None and mark is not None:
        content = signed(content, form.name, mark, Path(name).name, credential)
    text = None if recipe is None else comment_of(recipe, None)
    if not isinstance(path, Path):
        _write_to(path, content, name)
        return None
    files = {path: content, **(companion_of(path, text) if is_wav else {})}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_all(files)
    except OSError as error:
        raise AudioError(f"cannot write {path}: {error.strerror}") from error
    return path


def companion_of(path: Path, recipe: str | None) -> dict[Path, bytes | None]:
    """Recipe beside a wav file that is about to be written, for `jasco.io.atomic.replace_all`.

    ``None`` removes the recipe of an earlier file. Another ``.json`` is kept, with a warning.
    """
    side = path.with_suffix(".json")
    there = os.path.lexists(side)
    if is_recipe_of(side, path) if there else recipe is not None:
        return {side: None if recipe is None else recipe.encode("ascii")}
    if there and recipe is not None:
        warnings.warn(
            f"{side} is not the recipe of an earlier {path.name} and is left alone; the new recipe "
            f"is in the tag of {path.name} only",
            JascoWarning,
            stacklevel=3,
        )
    return {}


def _format(path: str | os.PathLike[str] | BinaryIO, format: str | None) -> tuple[_Format, str]:
    """Format of the file, and its name for messages."""
    known = ", ".join(_FORMATS)
    if isinstance(path, str | os.PathLike):
        name = os.fspath(path)
        suffix = Path(name).suffix if format is None else f".{format.lstrip('.')}"
        if suffix.lower() in _FORMATS:
            return _FORMATS[suffix.lower()], name
        allowed = "the suffix must be" if format is None else "the format must be"
        raise AudioError(f"cannot write {name}: {allowed} one of {known}, not {suffix!r}")
    given = getattr(path, "name", None)
    name = given if isinstance(given, str) else f"the {type(path).__name__}"
    if not callable(getattr(path, "write", None)):
        raise AudioError(
            f"cannot write to {name}: give a path, or a file object opened with mode 'wb'"
        )
    form = _FORMATS.get(f".{(format or '').lstrip('.').lower()}")
    if form is None:
        raise AudioError(
            f"cannot write to {name} in the format {format!r}: a file object has no suffix, so "
            f"give format=, one of {known}"
        )
    return form, name


def _fitted(
    audio: Audio,
    form: _Format,
    name: str,
    loudness: float | None,
    limiter: Limiter,
    loop: LoopPoints | None,
) -> Audio:
    """Audio at a rate of the format and at the target loudness."""
    if audio.samples.shape[0] > form.max_channels:
        raise AudioError(
            f"cannot write {name}: {form.name} holds up to {form.max_channels} channels and the "
            f"audio has {audio.samples.shape[0]}; mix it down, or write wav"
        )
    nearest = min(bisect_left(form.rates, audio.sample_rate), len(form.rates) - 1)
    audio = audio.resample(form.rates[nearest])
    if loudness is not None:
        normalize = normalize_loudness if loop is None else normalize_loop
        audio = normalize(audio, loudness, limiter=limiter)
    if clipped := int((audio.samples.abs() > 1).sum()):
        warnings.warn(
            f"{name}: {clipped} samples beyond full scale are clipped", JascoWarning, stacklevel=3
        )
    return audio


def _write_to(file: BinaryIO, content: bytes, name: str) -> None:
    try:
        done = file.write(content)
        while done is not None and done < len(content):  # unbuffered files may write a part
            done += file.write(memoryview(content)[done:])
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise AudioError(
            f"cannot write to {name} ({error}): give a file object opened with mode 'wb'"
        ) from error


def _encode(audio: Audio, form: _Format) -> bytes:
    """Bytes of an audio file; samples beyond full scale are clipped."""
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
        # Written in blocks, because libsndfile crashes on a long Vorbis signal in one piece.
        for block in audio.samples.clamp(-1, 1).T.split(_WRITE_BLOCK):
            sound.write(block.numpy())
    return buffer.getvalue()


def _tagged(
    content: bytes,
    audio: Audio,
    form: _Format,
    comment: str | None,
    mark: str | None,
    loop: LoopPoints | None,
    tags: Mapping[str, str],
) -> bytes:
    """Encoded file with its comment, mark and tags; a wav file with its chunks."""
    xmp = None if mark is None else xmp_packet(mark)
    if form.name != "WAV":
        own = {"COMMENT": comment, TAG: None if mark is None else VOCABULARY + mark}
        named = {name: text for name, text in own.items() if text is not None}
        return with_tags(content, form.name, {**named, **tags}, xmp)
    buffer = io.BytesIO(content)
    chunks = [] if loop is None else loop.chunks(audio.samples.shape[1], audio.sample_rate)
    for name, data in [*chunks, *([] if xmp is None else [(b"_PMX", xmp)])]:
        riff.append_chunk(buffer, name, data)
    if comment is not None:
        riff.append_comment(buffer, comment)
    return buffer.getvalue()
