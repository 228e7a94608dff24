"""Audio in blocks: filter and limiter as of the whole signal, and wav files that grow."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco.audio import Audio, load_audio, read_recipe
from jasco.audio.biquads import StreamedSections, apply_sections
from jasco.audio.filters import butterworth
from jasco.audio.limiter import limit
from jasco.audio.live import high_passed, levelled, limited, live_gain, save_blocks
from jasco.errors import AudioError, JascoWarning

RATE = 8000


def noise(seconds: float, channels: int = 2) -> Audio:
    """Noise with a few peaks beyond full scale."""
    generator = torch.Generator().manual_seed(0)
    samples = 0.3 * torch.randn(channels, round(seconds * RATE), generator=generator)
    samples[:, ::997] *= 5
    return Audio(samples, RATE)


def blocks(audio: Audio, *sizes: int) -> Iterator[Audio]:
    rest = audio.samples.shape[1] - sum(sizes)
    return (Audio(part, audio.sample_rate) for part in audio.samples.split([*sizes, rest], 1))


@pytest.mark.parametrize("sizes", [(), (1, 2, 3), (100,) * 40, (4000, 50)])
def test_a_signal_in_blocks_is_limited_as_the_whole(sizes: tuple[int, ...]) -> None:
    audio = noise(2.0)
    found = torch.cat([part.samples for part in limited(blocks(audio, *sizes), 0.5)], 1)
    torch.testing.assert_close(found, limit(audio, 0.5).samples, rtol=0, atol=1e-6)


def test_a_signal_in_blocks_is_filtered_as_the_whole() -> None:
    x = np.random.default_rng(0).normal(size=20000)
    sections = butterworth(20.0, RATE)
    own = StreamedSections(sections)
    found = np.concatenate([own(part) for part in np.split(x, [1, 2, 700, 701, 15000])])
    np.testing.assert_allclose(found, apply_sections(x, sections), atol=1e-10)


def test_an_offset_is_removed_without_a_step() -> None:
    time = torch.arange(4 * RATE) / RATE
    tone = 0.1 * torch.sin(2 * torch.pi * 200 * time)
    audio = Audio((tone + 0.4)[None], RATE)
    found = torch.cat([part.samples for part in high_passed(blocks(audio, 10, 9000))], 1)[0]
    assert found.abs().max() < 0.12 and abs(float(found.mean())) < 1e-3
    assert float(found[RATE:].square().mean()) == pytest.approx(0.005, rel=0.01)


def test_gain() -> None:
    assert live_gain(-20.0, -14.0) == 6.0
    assert live_gain(-60.0, -14.0) == 30.0
    assert live_gain(-float("inf"), -14.0) == live_gain(float("nan"), -14.0) == 0.0
    louder = torch.cat([b.samples for b in levelled(blocks(noise(1.0), 3000), 12.0)], 1)
    assert louder.abs().max() <= 10 ** (-1 / 20)


@pytest.mark.parametrize("channels, length", [(1, 999), (2, 1000), (1, 1)])
def test_a_file_is_whole_with_any_number_of_samples(
    tmp_path: Path, channels: int, length: int
) -> None:
    audio = Audio(noise(1.0, channels).samples[:, :length].clamp(-1, 1), RATE)
    form, recipe = (RATE, channels, length), {"seed": 1}
    path = save_blocks(tmp_path / "new" / "a.wav", blocks(audio, length // 2), form, recipe)
    torch.testing.assert_close(load_audio(path).samples, audio.samples, rtol=0, atol=2**-23)
    assert read_recipe(path) == recipe and soundfile.info(path).subtype == "PCM_24"
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8
    assert path.stat().st_size % 2 == 0
    pipe = io.BytesIO()
    save_blocks(pipe, blocks(audio), form, recipe)
    assert pipe.getvalue() == path.read_bytes()


def test_the_recipe_beside_an_earlier_file_is_replaced(tmp_path: Path) -> None:
    audio, path = noise(0.1, 1), tmp_path / "a.wav"
    form = (RATE, 1, audio.samples.shape[1])
    save_blocks(path, [audio], form, {"seed": 1})
    assert (tmp_path / "a.json").read_text() == '{"seed": 1}'
    save_blocks(path, [audio], form)
    assert not (tmp_path / "a.json").exists() and read_recipe(path) is None
    (tmp_path / "a.json").write_text('{"mine": 1}')
    with pytest.warns(JascoWarning, match="left alone"):
        save_blocks(path, [audio], form, {"seed": 2})
    assert (tmp_path / "a.json").read_text() == '{"mine": 1}' and read_recipe(path) == {"seed": 2}


def test_an_earlier_file_stays_where_no_block_comes(tmp_path: Path) -> None:
    def failing() -> Iterator[Audio]:
        raise ValueError
        yield

    path = tmp_path / "a.wav"
    path.write_bytes(b"earlier")
    with pytest.raises(ValueError):
        save_blocks(path, failing(), (RATE, 1, 10))
    assert path.read_bytes() == b"earlier"
    with pytest.raises(AudioError, match="Is a directory"):
        save_blocks(tmp_path, failing(), (RATE, 1, 10))


def test_a_full_disk_leaves_a_whole_file_of_what_fits(tmp_path: Path) -> None:
    audio, path = noise(1.0, 1), tmp_path / "a.wav"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))  # within a block
    try:
        with pytest.raises(AudioError, match=r"cannot write .*a\.wav: File too large"):
            save_blocks(path, blocks(audio, 2000, 3000), (RATE, 1, RATE), {"seed": 1})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    written = load_audio(path).samples
    expected = audio.samples[:, :5000].clamp(-1, 1)  # two blocks
    torch.testing.assert_close(written, expected, rtol=0, atol=2**-23)
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8
    assert read_recipe(path) == {"seed": 1}
