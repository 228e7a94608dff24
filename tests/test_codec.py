"""The codec on long audio: blocks equal to the whole, in bounded memory, and loops."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import asdict

import pytest
import torch
from memory import peak, reset_peak

from jasco.codec import WHOLE, EnCodec
from jasco.encodec import FourierDecoder
from jasco.encodec.fourier import sizes_of
from jasco.errors import SettingError
from jasco.model import Jasco

WIDE = {
    "sampling_rate": 32000,
    "upsampling_ratios": [8, 5, 4, 4],
    "num_filters": 16,
    "codebook_size": 2048,
    "target_bandwidths": [2.2],
    "use_causal_conv": False,
}


@pytest.fixture(scope="module")
def codec(tiny: Jasco) -> EnCodec:
    return tiny.codec


def test_long_audio_is_that_of_the_whole(codec: EnCodec) -> None:
    seconds = 2.5 * WHOLE
    generator = torch.Generator().manual_seed(1)
    wav = 0.1 * torch.randn(1, 1, round(seconds * codec.sample_rate) - 7, generator=generator)
    with torch.no_grad():
        raw = codec.model.encoder(wav).transpose(1, 2)
        torch.testing.assert_close(codec.encode_raw(wav), raw, rtol=0, atol=1e-5)
        latents = (raw - codec.mean) / codec.std
        whole = codec.model.decoder(raw.transpose(1, 2))
    torch.testing.assert_close(codec.decode(latents), whole, rtol=0, atol=1e-5)


def test_blocks_come_while_latents_are_still_made(
    codec: EnCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jasco.codec._block_size", lambda device: 2**14)
    latents = torch.randn(2, 1500, codec.latent_dim)
    taken = 0

    def arriving() -> Iterator[torch.Tensor]:
        nonlocal taken
        for block in latents.split(50, dim=1):
            taken += 1
            yield block

    blocks = codec.decode_blocks(arriving())
    first = next(blocks)
    assert taken < 30 and not first.requires_grad
    assert not torch.is_autocast_enabled("cpu")
    audio = torch.cat([first, *blocks], dim=-1)
    assert audio.shape == (2, 1, 1500 * codec.hop_length)
    torch.testing.assert_close(audio, codec.decode(latents), rtol=0, atol=1e-5)


def test_gradients_of_latents_and_audio(codec: EnCodec) -> None:
    latents = torch.randn(1, 700, codec.latent_dim, requires_grad=True)
    codec.decode(latents).square().mean().backward()
    assert latents.grad is not None and latents.grad.abs().sum() > 0


def test_a_loop_has_no_seam(codec: EnCodec) -> None:
    """Latents that repeat give audio that repeats, as far as the LSTM forgets."""
    latents = torch.randn(1, 100, codec.latent_dim)
    loop = codec.decode(latents, loop=True)
    middle = codec.decode(latents.repeat(1, 5, 1))[..., 2 * loop.shape[-1] : 3 * loop.shape[-1]]
    assert loop.shape == middle.shape
    assert (loop - middle).abs().max() < 0.01 * middle.abs().max()
    plain = codec.decode(latents)
    assert (plain - middle).abs().max() > 0.05 * middle.abs().max()


def _peak(queue: multiprocessing.Queue[float]) -> None:
    torch.set_num_threads(1)
    codec = EnCodec(config=WIDE)
    codec.encode(torch.zeros(1, 1, 3200))
    reset_peak()
    start = peak()
    latents = codec.encode(torch.zeros(1, 1, 60 * 32000))
    for _ in codec.decode_blocks([latents[:, :1500], latents[:, 1500:]]):
        pass
    queue.put((peak() - start) / 1e9)


def test_a_minute_takes_little_memory() -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_peak, args=(queue,))
    process.start()
    more = queue.get(timeout=600)
    process.join()
    assert more < 0.5  # GB, measured: 0.31; a layer's output of the whole signal has 0.12


def test_a_model_decodes_in_its_precision() -> None:
    latents = torch.randn(1, 100, 128, generator=torch.Generator().manual_seed(0))
    found = {}
    for dtype in ("float32", "bfloat16"):
        model = Jasco.from_pretrained("demo", device="cpu", dtype=dtype)
        assert str(model.codec.decode_dtype) == f"torch.{dtype}"
        assert model.codec.encode_dtype == torch.float32
        found[dtype] = model.codec.decode(latents)
        assert found[dtype].dtype == torch.float32
    error = (found["bfloat16"] - found["float32"]).norm() / found["float32"].norm()
    assert 1e-3 < error < 2e-2  # measured: 5e-3


def test_a_batch_is_decoded_clip_by_clip(codec: EnCodec) -> None:
    """A batch takes the memory of one clip, and each clip is that of a batch of one."""
    latents = torch.randn(3, 20, codec.latent_dim, generator=torch.Generator().manual_seed(0))
    sizes: list[int] = []
    hook = codec.model.decoder.register_forward_hook(lambda *call: sizes.append(len(call[2])))
    with hook:
        audio = codec.decode(latents)
    assert sizes == [1, 1, 1]
    assert torch.equal(audio, torch.cat([codec.decode(clip[None]) for clip in latents]))
    torch.testing.assert_close(audio, codec.decode(latents.requires_grad_()).detach())


# --- a Fourier decoder ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fourier(tiny: Jasco) -> EnCodec:
    """The tiny codec with a decoder whose parts all have an effect."""
    return with_fourier(tiny.codec)


def with_fourier(codec: EnCodec) -> EnCodec:
    torch.manual_seed(0)
    sizes = {"widths": [16, 8], "depths": [1, 1]} | sizes_of(codec.model.config)
    decoder = FourierDecoder(config=sizes)
    for parameter in decoder.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    changed = EnCodec(config=asdict(codec.model.config), decoder=decoder)
    assert changed.model.decoder is None
    own = codec.model.state_dict()
    changed.model.load_state_dict({k: own[k] for k in changed.model.state_dict()})
    return changed


def test_a_fourier_decoder_decodes_the_same_latents(fourier: EnCodec, tiny: Jasco) -> None:
    latents = torch.randn(2, 700, fourier.latent_dim)
    whole = fourier.decode(latents)
    assert whole.shape == (2, 1, 700 * fourier.hop_length)
    assert not torch.allclose(whole, tiny.codec.decode(latents))
    with torch.no_grad():
        together = fourier.decoder(fourier._denormalized(latents))  # type: ignore[misc]
    torch.testing.assert_close(whole, together, rtol=0, atol=1e-5)
    for frames in (25, 300):
        blocks = fourier.decode_blocks(latents.split(40, dim=1), frames)
        joined = torch.cat(list(blocks), dim=-1)
        torch.testing.assert_close(joined, whole, rtol=0, atol=1e-5)


def test_a_fourier_decoder_in_bfloat16_stays_close(fourier: EnCodec) -> None:
    latents = torch.randn(1, 100, fourier.latent_dim)
    exact = fourier.decode(latents)
    fourier.decode_dtype = torch.bfloat16
    try:
        rounded = fourier.decode(latents)
    finally:
        fourier.decode_dtype = torch.float32
    assert rounded.dtype == torch.float32 and not torch.equal(rounded, exact)
    assert (rounded - exact).norm() < 0.05 * exact.norm()


def test_a_loop_of_a_fourier_decoder_has_no_seam(fourier: EnCodec) -> None:
    latents = torch.randn(1, 100, fourier.latent_dim)
    loop = fourier.decode(latents, loop=True)
    middle = fourier.decode(latents.repeat(1, 3, 1))[..., loop.shape[-1] : 2 * loop.shape[-1]]
    torch.testing.assert_close(loop, middle, rtol=0, atol=1e-5)


def test_a_decoder_is_no_part_of_the_fingerprint(fourier: EnCodec, tiny: Jasco) -> None:
    assert fourier.fingerprint() == tiny.codec.fingerprint()


@pytest.mark.parametrize("name", ["hidden_size", "audio_channels", "hop_length"])
def test_a_decoder_for_another_codec_is_refused(codec: EnCodec, name: str) -> None:
    sizes = sizes_of(codec.model.config)
    decoder = FourierDecoder(config=sizes | {name: 2 * sizes[name]})
    with pytest.raises(SettingError, match=f"decoder has {name} .*trained for this codec"):
        EnCodec(config=asdict(codec.model.config), decoder=decoder)
