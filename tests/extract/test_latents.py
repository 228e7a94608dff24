"""Windows of a recording against the recording as a whole."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.codec import EnCodec
from jasco.extract.latents import encode_windows, mono_pieces, num_frames, resampled


@pytest.fixture(scope="module")
def codec(codec_folder) -> EnCodec:
    return CodecSource(str(codec_folder)).load()


def noise(seconds: float, rate: int = 32000, channels: int = 1) -> Audio:
    random = torch.Generator().manual_seed(0)
    return Audio(0.2 * torch.randn(channels, round(seconds * rate), generator=random), rate)


def as_a_whole(audio: Audio, codec: EnCodec) -> torch.Tensor:
    wav = audio.mono().resample(codec.sample_rate).samples
    wav = F.pad(wav, (0, -wav.shape[1] % codec.hop_length))
    with torch.inference_mode():
        return codec.encode_raw(wav[None])[0]


def in_windows(audio: Audio, codec: EnCodec, **options) -> torch.Tensor:
    pieces = resampled(mono_pieces(audio), audio.sample_rate, codec.sample_rate)
    return encode_windows(codec.encode_raw, [pieces], num_frames(audio, codec), codec, **options)[0]


@pytest.mark.parametrize("seconds", [0.01, 0.3, 9.999, 10, 10.02, 17.5, 18, 18.02, 26, 33.333])
def test_windows_are_the_whole_up_to_rounding(codec, seconds):
    audio = noise(seconds)
    found, whole = in_windows(audio, codec), as_a_whole(audio, codec)
    assert found.shape == whole.shape == (num_frames(audio, codec), codec.latent_dim)
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-6 * float(whole.abs().max()))


def test_no_frame_sees_a_second_that_its_window_has_not(codec):
    """In windows of 10 s in steps of 8 s, the frame at 16.99 s is of that from 8 to 18 s."""
    audio = noise(30)
    found = in_windows(audio, codec)
    window = as_a_whole(audio.crop(8, 10), codec)
    torch.testing.assert_close(found[450:850], window[50:450], rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_any_rate(codec, rate):
    audio = noise(12.34, rate, channels=2)
    found, whole = in_windows(audio, codec), as_a_whole(audio, codec)
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-6 * float(whole.abs().max()))


def test_batches_of_windows(codec):
    audio = noise(40)
    torch.testing.assert_close(in_windows(audio, codec, batch_size=3), in_windows(audio, codec))


def test_recordings_share_batches(codec):
    """Windows of several recordings in one batch are those of each recording alone."""
    recordings = [list(mono_pieces(noise(seconds))) for seconds in (12, 20, 3)]
    sizes: list[int] = []

    def encode(wav):
        sizes.append(len(wav))
        return codec.encode_raw(wav)

    together = encode_windows(encode, recordings, 1000, codec, batch_size=4)
    assert sizes == [4, 4, 1]
    for pieces, found in zip(recordings, together, strict=True):
        (alone,) = encode_windows(codec.encode_raw, [pieces], 1000, codec)
        torch.testing.assert_close(found, alone)


def test_low_precision_of_latents_leaves_codes(codec):
    wav = noise(2).samples[None]
    raw, codes = codec.encode_raw(wav), codec.coarse_codes(wav)
    codec.encode_dtype = torch.bfloat16
    try:
        low = codec.encode_raw(wav)
        assert low.dtype == torch.float32 and torch.equal(codec.coarse_codes(wav), codes)
    finally:
        codec.encode_dtype = torch.float32
    assert 1e-4 < (low - raw).norm() / raw.norm() < 2e-2


def test_codes_are_those_of_the_latents(codec):
    audio = noise(21)
    pieces = list(mono_pieces(audio))
    (codes,) = encode_windows(codec.coarse_codes, [pieces], num_frames(audio, codec), codec)
    (latents,) = encode_windows(codec.encode_raw, [pieces], num_frames(audio, codec), codec)
    assert torch.equal(codes, codec._coarse.encode(latents.T[None])[0]) and len(codes.unique()) > 3


def test_a_signal_that_ends_early_is_followed_by_silence(codec):
    audio = noise(1)
    (found,) = encode_windows(codec.encode_raw, [mono_pieces(audio)], 100, codec)
    silent = Audio(F.pad(audio.samples, (0, 32000)), 32000)
    torch.testing.assert_close(found, as_a_whole(silent, codec))


def test_resampling_in_pieces_is_resampling(codec):
    audio = noise(25, 44100)
    pieces = torch.cat(list(resampled(mono_pieces(audio), 44100, 32000)))
    assert torch.equal(pieces, audio.resample(32000).samples[0])
