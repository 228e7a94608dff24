"""Decoding of slices of audio files by libsndfile or ffmpeg, and the length of a file.

Limits of libsndfile 1.2.2, each measured on such files:

- an mp3 of variable rate without a Xing header has a length guessed from its first frames (see
  `jasco.audio.mpeg`), and one with a VBRI header too;
- a FLAC stream of unknown length, which ffmpeg writes into a pipe, is reported with 2^63-1
  samples, and the read that reaches its end fails;
- a header may state any length (up to 2^36-1 samples in FLAC), so memory is never allocated by it;
- of several Ogg streams one behind the other only the first is read;
- names that are not UTF-8 have to be passed as bytes.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import struct
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile

from jasco.audio import flac, mpeg, riff
from jasco.audio.signal import MAX_VALUES, span
from jasco.errors import AudioError, JascoWarning
from jasco.io.files import regular_file

Source = str | os.PathLike[str] | BinaryIO
"""Path, or file object opened for reading bytes, read from its beginning and left open."""

# Encoders differ by one or two in the frame count of an intact mp3.
_TOLERANCE = 2 * 1152
_BLOCK = 1 << 20  # samples
_LONGEST_PAGE = 27 + 255 + 255 * 255  # bytes of an Ogg page


class Decoder:
    """Open audio file with a slice to read.

    Attributes:
        name: name of the file, for messages.
        rate: sample rate (Hz).
        channels: number of channels.
        frames: length (samples), as far as it is known in advance.
        stated: length (samples) in the file's own header; 0 without one.
        first, stop: the slice (samples).
    """

    def __init__(self, sound: soundfile.SoundFile, name: str, frames: int, stated: int) -> None:
        self._sound, self.name = sound, name
        self.rate, self.channels = int(sound.samplerate), int(sound.channels)
        self.frames, self.stated = frames, stated
        self.first, self.stop = 0, frames
        self._wanted = math.inf

    def cut(self, start: float, duration: float | None) -> None:
        """Set the slice (s) and seek to its beginning.

        Raises:
            AudioError: the slice lies outside the file.
        """
        self.first, self.stop = span(start, duration, self.rate, self.frames, self.name)
        self._wanted = self.first + (duration or math.inf) * self.rate
        self.seek(self.first)

    def seek(self, sample: int) -> None:
        """Go to a sample."""
        self._sound.seek(sample)

    def block(self, most: int) -> np.ndarray:
        """Next samples (N, channels), N at most ``most`` and less only at the end."""
        most = min(most, self.frames - self._sound.tell())
        if most <= 0:
            return np.empty((0, self.channels), np.float32)
        return self._sound.read(most, dtype="float32", always_2d=True)

    def read(self) -> np.ndarray:
        """Samples of the slice (N, channels), in memory that grows with the decoded length.

        Raises:
            AudioError: more than `MAX_VALUES` samples, or fewer than the file states.
        """
        count = self.stop - self.first
        self.refuse_too_long(count * self.channels)
        samples = np.empty((min(count, _BLOCK), self.channels), np.float32)
        filled = 0
        while filled < count:
            if filled == len(samples):
                samples.resize((min(count, 2 * filled), self.channels), refcheck=False)
            wanted = min(_BLOCK, len(samples) - filled)
            got = len(self._sound.read(wanted, out=samples[filled : filled + wanted]))
            filled += got
            if got < wanted:
                break
        self.check_complete(self.first + filled)
        samples.resize((filled, self.channels), refcheck=False)
        return samples

    def refuse_too_long(self, values: int) -> None:
        """Check the stated length.

        Raises:
            AudioError: more than `MAX_VALUES` samples.
        """
        if values > MAX_VALUES:
            raise AudioError(
                f"{self.name} states {self.frames / self.rate:.0f} s of {self.channels} channels "
                f"at {self.rate} Hz; up to {MAX_VALUES} samples are read at once: give start and "
                "duration, or fetch the file again if it should be shorter"
            )

    def check_complete(self, stop: int) -> None:
        """Check that a file which ended at sample ``stop`` is as long as it states.

        Raises:
            AudioError: the file is truncated.
        """
        if stop < min(self.stated, self._wanted) - _TOLERANCE:
            raise AudioError(
                f"{self.name} is cut short or damaged: {stop / self.rate:.2f} s of its "
                f"{self.stated / self.rate:.2f} s can be read; fetch or export it again"
            )


@contextmanager
def opened(source: Source, start: float = 0.0, duration: float | None = None) -> Iterator[Decoder]:
    """Open an audio file, or a slice of it (s), for reading.

    Raises:
        AudioError: a file that is missing, empty, no regular file or no audio, also where decoding
            fails later; or a slice outside the file.
    """
    with ExitStack() as stack:
        name, path, file = open_source(source, stack)
        try:
            if not file.read(1):
                raise AudioError(f"{name} is empty (0 bytes): it holds no audio")
            if is_for_ffmpeg(file):
                decoded = _decode_with_ffmpeg(path or _copied(file, stack), name, start, duration)
                path, file = None, stack.enter_context(decoded)
                start, duration = 0.0, None
            decoder = _decoder(path, file, name, stack)
            decoder.cut(start, duration)
            yield decoder
        except (soundfile.SoundFileError, MemoryError) as error:
            reason = getattr(error, "error_string", str(error)).strip(" .")
            raise AudioError(
                f"{name} is no audio file that can be read, or a damaged one ({reason}): give wav, "
                "flac, mp3 or ogg, or m4a where ffmpeg is installed"
            ) from error
        except OSError as error:
            raise AudioError(f"cannot read {name}: {error.strerror or error}") from error


def open_source(source: Source, stack: ExitStack) -> tuple[str, Path | None, BinaryIO]:
    """Name, path and open file of a source; a copy of a file without random access."""
    if isinstance(source, str | os.PathLike):
        path = regular_file(source, AudioError)
        try:
            return str(path), path, stack.enter_context(path.open("rb"))
        except OSError as error:
            raise AudioError(f"cannot read {path}: {error.strerror}") from error
    name = getattr(source, "name", None)
    name = name if isinstance(name, str) else f"the {type(source).__name__}"
    try:
        if not source.seekable():
            copy = stack.enter_context(cast(BinaryIO, tempfile.TemporaryFile()))
            shutil.copyfileobj(source, copy)
            source = copy
        source.seek(0)
        if not isinstance(source.read(0), bytes):
            raise TypeError("it gives text")
    except (AttributeError, TypeError, ValueError, OSError) as error:
        raise AudioError(
            f"cannot read {name} ({error}): give a path, or a file object opened with mode 'rb'"
        ) from error
    return name, None, source


def _decoder(path: Path | None, file: BinaryIO, name: str, stack: ExitStack) -> Decoder:
    if path is not None:
        # Reading by path avoids a Python call for each frame. The path of the open file descriptor
        # stays valid if the file is replaced.
        path = _path_of(file, path)
    try:
        sound = _sound(file if path is None else path, stack)
    except soundfile.SoundFileError:
        # libsndfile searches for MPEG frames behind other bytes only in files with the suffix mp3.
        found = mpeg.scan(file)
        if found is None or not found.prevails:
            raise
        file = mpeg.frames_alone(file, found)
        sound = _sound(file, stack)
    frames = stated = int(sound.frames)
    place = file.tell()  # start of the data that the decoder reads
    if sound.format == "MP3" and (found := mpeg.scan(file)) is not None:
        if not found.understood:
            stated = found.samples
            if frames < stated - _TOLERANCE and found.header.layer == 3:
                sound = _sound(mpeg.with_length(file, found), stack)
                stated = int(sound.frames)
            frames = stated
        _warn_of_mpeg_rest(found, name, frames / sound.samplerate)
    elif sound.format == "FLAC" and frames >= flac.UNKNOWN:
        found_flac = flac.measured(file)
        if found_flac is None:
            raise AudioError(
                f"{name} states no length and does not end with a whole frame: it is cut short or "
                "damaged; fetch or export it again"
            )
        spliced, frames = found_flac
        sound, stated = _sound(spliced, stack), frames
    elif sound.format in ("WAV", "WAVEX"):
        stated = _wav_length(file, frames)
    elif sound.format == "OGG":
        _warn_of_ogg_rest(file, name, frames / sound.samplerate)
    file.seek(place)
    return Decoder(sound, name, frames, stated)


def _path_of(file: BinaryIO, path: Path) -> Path:
    again = Path(f"/proc/self/fd/{file.fileno()}")
    return again if again.exists() else path


def _sound(file: Any, stack: ExitStack) -> soundfile.SoundFile:
    if isinstance(file, Path):
        file = os.fsencode(file) if os.name == "posix" else str(file)
    else:
        file.seek(0)
    return stack.enter_context(soundfile.SoundFile(file))


def _warn_of_mpeg_rest(found: mpeg.Scan, name: str, duration: float) -> None:
    """Warn of an mp3 without a stated length that ends within a frame or in other data."""
    if found.partial and not found.stated:
        warnings.warn(
            f"{name} ends within an mp3 frame and states no length: it may be cut short; all of "
            f"its {duration:.2f} s are used",
            JascoWarning,
            stacklevel=2,
        )
    elif found.rest > 1 << 16:
        warnings.warn(
            f"{name} holds {found.rest} bytes behind its {duration:.2f} s that are not decoded: "
            "another stream, or damaged",
            JascoWarning,
            stacklevel=2,
        )


def _warn_of_ogg_rest(file: BinaryIO, name: str, duration: float) -> None:
    """Warn of an Ogg file that does not end with the last page of its first stream."""
    page = struct.Struct("<4sBBqI")  # mark, version, flags, position, stream
    file.seek(0)
    first = file.read(page.size)
    file.seek(-min(_LONGEST_PAGE, file.seek(0, io.SEEK_END)), io.SEEK_END)
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    if len(first) < page.size or at < 0 or len(tail) < at + page.size:
        return
    flags, stream = page.unpack_from(tail, at)[2], page.unpack_from(tail, at)[4]
    if stream != page.unpack(first)[4]:
        words = "holds several streams, of which only the first is read"
    elif not flags & 4:
        words = "does not end with the last page of its stream: it may be cut short; all of its"
        words += f" {duration:.2f} s are used"
    else:
        return
    warnings.warn(f"{name} {words}", JascoWarning, stacklevel=2)


def _wav_length(file: BinaryIO, frames: int) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    for name, stated in riff.chunks(file):
        present = size - file.tell()
        # Streams of unknown length state 2 GiB or more.
        if name == b"data" and 0 < present < stated < 0x7FFF_0000:
            return frames * stated // present
    return frames


def is_for_ffmpeg(file: BinaryIO) -> bool:
    """True for the first bytes of MP4 (m4a), Matroska or WebM, Windows Media or bare AAC."""
    file.seek(0)
    head = file.read(8)
    return (
        head[4:8] == b"ftyp"
        or head[:4] in (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75")
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0)  # ADTS, layer 0
    )


def _copied(file: BinaryIO, stack: ExitStack) -> Path:
    """Path of a copy of a file object, for other programs."""
    copy = stack.enter_context(tempfile.NamedTemporaryFile())
    file.seek(0)
    shutil.copyfileobj(file, copy)
    copy.flush()
    return Path(copy.name)


def _decode_with_ffmpeg(path: Path, name: str, start: float, duration: float | None) -> BinaryIO:
    """Slice as a float wav in a temporary file, exact to the sample."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{name} is of a format that is read through the ffmpeg program, which is not on the "
            "PATH: install ffmpeg, or convert the file to wav, flac, mp3 or ogg"
        )
    # "file:" and the whitelist prevent network access by unusual names and playlists. After the
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
        raise AudioError(f"{name} cannot be decoded, ffmpeg says: {reason}")
    return decoded
