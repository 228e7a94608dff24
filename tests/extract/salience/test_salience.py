from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jasco.audio import load_audio
from jasco.extract.salience import DeepSalience, bin_frequencies, fold_rows, resample
from jasco.extract.salience.network import SalienceNetwork


@pytest.fixture(scope="module")
def untrained() -> DeepSalience:
    torch.manual_seed(0)
    return DeepSalience(SalienceNetwork().eval().requires_grad_(False))


def test_chunks_of_any_length_give_the_same(untrained: DeepSalience) -> None:
    waveform = torch.randn(30000)
    whole = untrained.salience(waveform)
    assert whole.shape == (360, 1 + 30000 // 256)
    for chunk in (97, 40):
        chunked = DeepSalience(untrained.network, chunk=chunk)
        torch.testing.assert_close(chunked.salience(waveform), whole, atol=1e-5, rtol=0)


def test_rows_are_the_folded_salience(untrained: DeepSalience) -> None:
    waveform = torch.randn(22050)
    rows = untrained.rows(waveform)
    torch.testing.assert_close(rows, fold_rows(untrained.salience(waveform)), atol=1e-5, rtol=0)


def test_tracks_of_a_batch_have_their_own_reference_level(untrained: DeepSalience) -> None:
    tracks = torch.randn(2, 20000) * torch.tensor([[1.0], [0.01]])
    both = untrained.rows(tracks)
    assert both.shape == (2, 53, 79)
    for track, rows in zip(tracks, both, strict=True):
        torch.testing.assert_close(untrained.rows(track), rows, atol=1e-5, rtol=0)


def test_no_more_than_a_chunk_passes_the_network(untrained: DeepSalience) -> None:
    lengths: list[int] = []
    hook = untrained.network.register_forward_hook(
        lambda _, inputs, output: lengths.append(output.shape[-1])
    )
    DeepSalience(untrained.network, chunk=20).rows(torch.randn(22050))
    hook.remove()
    assert lengths == [27, 34, 34, 34, 14]


def test_bins_fold_into_the_semitones_around_the_notes() -> None:
    hertz = bin_frequencies()
    for row in range(53):
        note = 440 * 2 ** ((43 + row - 69) / 12)
        near = (12 * (hertz / note).log2()).abs() < 0.5
        folded = fold_rows(near.float()[:, None])
        assert folded[row] == 1
        assert folded.sum() == 1
    # Below G2 nothing counts, not even the bin a hundredth of a hertz below.
    assert fold_rows((torch.arange(360) == 95).float()[:, None]).sum() == 0
    assert fold_rows((torch.arange(360) == 96).float()[:, None])[0] == 1


@pytest.mark.parametrize("case", ["synth", "asset"])
def test_golden_salience(shared: Path, case: str) -> None:
    pytest.importorskip("h5py", reason="the golden weights are HDF5: pip install 'jasco[melody]'")
    folder = shared / "salience"
    if case == "synth":
        waveform = torch.from_numpy(np.load(folder / "synth_audio.npz")["y22050"])
        golden = np.load(folder / "synth_out.npz")
    else:
        audio = load_audio(shared / "audio" / "salience_2.wav")
        waveform = resample(audio.samples.mean(dim=0), audio.sample_rate, 22050)
        golden = np.load(folder / "asset_salience_2.npz")
    model = DeepSalience.load(folder / "multif0.h5", device="cpu", dtype="float32")
    salience = model.salience(waveform)
    np.testing.assert_allclose(salience.numpy(), golden["multif0"], atol=5e-4, rtol=0)
    rows = fold_rows(salience).numpy()
    np.testing.assert_array_equal(rows >= 0.5, golden["s53"] > 0)
    kept = np.where(rows >= 0.5, rows, 0)
    np.testing.assert_allclose(kept, golden["s53"].astype(np.float32), atol=1e-3, rtol=0)
