"""Windowed EnCodec encoding of recordings of any length.

Windows last 10 s, as the training segments of JASCO do, and overlap: the first and last second of a
window are discarded inside a track. The state of the encoder's LSTM is reset in every window, as in
every segment of the original training, and has processed a second of audio, the length of the
training clips of EnCodec (arXiv 2210.13438, section 4.1), before the first frame that is kept.
Memory holds one window at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, cycle

import numpy as np
import soxr
import torch
from torch import Tensor
from torch.nn import functional as F

from jasco.audio import Audio
from jasco.codec import EnCodec
from jasco.drums import DrumCodes
from jasco.played import PlayedDrums

WINDOW = 10.0
"""Length of a window (s)."""
CONTEXT = 1.0
"""Context that is discarded at either end of a window inside a track (s)."""
_PIECE = 10.0  # s


def num_frames(audio: Audio, codec: EnCodec) -> int:
    """Number of latent frames of a recording; the last one may be partly beyond its end."""
    samples = round(audio.samples.shape[1] * codec.sample_rate / audio.sample_rate)
    return max(-(-samples // codec.hop_length), 1)


def encode_windows(
    encode: Callable[[Tensor], Tensor],
    recordings: Sequence[Iterable[Tensor]],
    length: int,
    codec: EnCodec,
    batch_size: int | None = None,
) -> list[Tensor]:
    """Latents or codes of recordings of any length, whose windows share batches.

    Args:
        encode: `EnCodec.encode_raw` or `EnCodec.coarse_codes`: (B, channels, N) to (B, T, ...).
        recordings: successive pieces of each recording at the rate of the codec: (samples,) of a
            mono mix, or (channels, samples).
        length: number of latent frames T of each; missing samples are silence.
        codec: codec of ``encode``.
        batch_size: windows per batch; by default one on a CPU, where more gain nothing, else 8.

    Returns:
        (T, ...) of each recording, on the CPU.
    """
    device = codec.mean.device
    batch_size = batch_size or (1 if device.type == "cpu" else 8)
    window, context = round(WINDOW * codec.frame_rate), round(CONTEXT * codec.frame_rate)
    size = min(window, length)
    starts = [*range(0, length - size, window - 2 * context), length - size]
    # Frames of a window are kept up to the first frame of the next one behind its context.
    edges = [0, *(start + size - context for start in starts[:-1]), length]
    found: list[Tensor] = []
    waiting: list[Tensor] = []
    count = len(starts) * len(recordings)
    for pieces in recordings:
        for wav in _windows(pieces, starts, size, codec.hop_length):
            waiting.append(wav.expand(codec.channels, -1))
            if len(waiting) == batch_size or len(found) + len(waiting) == count:
                with torch.inference_mode():
                    found += encode(torch.stack(waiting).to(device)).cpu()
                waiting.clear()
    kept = [
        part[first - start : stop - start]
        for part, (start, first, stop) in zip(
            found, cycle(zip(starts, edges[:-1], edges[1:], strict=True)), strict=False
        )
    ]
    return [torch.cat(kept[i : i + len(starts)]) for i in range(0, count, len(starts))]


def encode_drums(
    tracks: Sequence[Audio | DrumCodes | PlayedDrums], num_frames: int, codec: EnCodec
) -> list[DrumCodes]:
    """Codes of the drum tracks of clips of ``num_frames``, cropped or zero-padded to it.

    Args:
        tracks: drum track of each clip, its codes, or strokes.
        num_frames: length T of the clips in latent frames.
        codec: codec of the model.

    Raises:
        ConditionError: codes shorter than the clip.
    """
    for track in tracks:
        if isinstance(track, DrumCodes):
            track.check_length(num_frames)
    length = num_frames * codec.hop_length / codec.sample_rate
    waveforms = [
        _waveform(track.audio(length) if isinstance(track, PlayedDrums) else track, length, codec)
        for track in tracks
        if not isinstance(track, DrumCodes)
    ]
    encoded = iter(encode_windows(codec.coarse_codes, waveforms, num_frames, codec))
    return [
        DrumCodes(track.codes[:num_frames] if isinstance(track, DrumCodes) else next(encoded))
        for track in tracks
    ]


def _waveform(drums: Audio, length: float, codec: EnCodec) -> Tensor:
    """Samples (1, n) of the first ``length`` seconds at the rate of the codec."""
    # The report of the conditions names channels in opposite phase.
    track, _ = drums.crop(0.0, length).mixed()
    return track.resample(codec.sample_rate).samples


def mono_pieces(audio: Audio) -> Iterator[Tensor]:
    """Mono mix of a recording in pieces (samples,) of 10 s."""
    mono = audio.mono().samples[0]
    yield from mono.split(round(_PIECE * audio.sample_rate))


def pieces_for(codec: EnCodec, audio: Audio) -> Iterator[Tensor]:
    """Pieces of a recording for a codec: of its channels (channels, samples), or `mono_pieces`."""
    if codec.channels == 1:
        return mono_pieces(audio)
    return iter(
        audio.with_channels(codec.channels).samples.split(round(_PIECE * audio.sample_rate), dim=1)
    )


def resampled(
    pieces: Iterable[Tensor], rate: int, target: int, channels: int = 1
) -> Iterator[Tensor]:
    """Resample a signal piece by piece, with the samples of `Audio.resample`.

    Args:
        pieces: (samples,), or (channels, samples) for more than one channel.
        rate, target: sample rates (Hz).
        channels: number of channels.
    """
    resampler = soxr.ResampleStream(rate, target, channels, "float32", "VHQ")
    rest = np.empty((0, channels) if channels > 1 else 0, np.float32)
    for piece, last in chain(((part.numpy().T, False) for part in pieces), [(rest, True)]):
        samples = np.ascontiguousarray(piece)
        yield torch.from_numpy(resampler.resample_chunk(samples, last=last).T)


def _windows(
    pieces: Iterable[Tensor], starts: Iterable[int], size: int, hop: int
) -> Iterator[Tensor]:
    """Samples (C, size * hop) of each window, with one window in memory at a time."""
    source = map(torch.atleast_2d, pieces)
    held, first = next(source, torch.zeros(1, 0)), 0
    for start in starts:
        while (missing := (start + size) * hop - first - held.shape[1]) > 0:
            piece = next(source, None)
            held = F.pad(held, (0, missing)) if piece is None else torch.cat([held, piece], dim=1)
        held, first = held[:, start * hop - first :], start * hop
        yield held[:, : size * hop]
