from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from jasco.extract.salience.network import CONTEXT, REACH_BELOW, SalienceNetwork, _tall_convolution
from jasco.extract.salience.weights import load_network


@pytest.fixture(scope="module")
def network() -> SalienceNetwork:
    """Random weights, with norms that are not the identity."""
    torch.manual_seed(0)
    network = SalienceNetwork().eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.normal_(1, 0.3)
            module.bias.normal_(0, 0.3)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


def test_the_numbers_of_the_paper(network: SalienceNetwork) -> None:
    assert sum(p.numel() for p in network.parameters()) + 2 * (6 + 128 + 3 * 64 + 8) == 406_921
    assert (CONTEXT, REACH_BELOW) == (7, 40)


def test_chunks_with_context_equal_the_whole(network: SalienceNetwork) -> None:
    hcqt = torch.rand(1, 6, 360, 60)
    whole = network(hcqt)
    torch.testing.assert_close(network(hcqt[..., 13:47])[..., 7:-7], whole[..., 20:40])
    # One frame less would not do.
    short = network(hcqt[..., 14:46])[..., 6:-6]
    assert (short - whole[..., 20:40]).abs().max() > 1e-6


def test_bins_above_the_lowest_equal_those_of_all(network: SalienceNetwork) -> None:
    hcqt = torch.rand(2, 6, 360, 20)
    whole = network(hcqt)
    assert whole.shape == (2, 360, 20)
    torch.testing.assert_close(network(hcqt[:, :, 56:]), whole[:, 96:])
    torch.testing.assert_close(network(hcqt[:, :, 100:]), whole[:, 140:])


@pytest.mark.parametrize(
    "out, size, bins, below", [(8, 70, 100, 34), (8, 70, 103, 0), (3, 9, 20, 4)]
)
def test_a_tall_convolution_is_a_convolution(out: int, size: int, bins: int, below: int) -> None:
    x, weight, bias = torch.randn(2, 5, 6, bins), torch.randn(out, 5, 3, size), torch.randn(out)
    expected = F.conv2d(F.pad(x, (below, size // 2, 1, 1)), weight, bias)
    result = _tall_convolution(x, weight, bias, below, size // 2)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_stays_close(network: SalienceNetwork) -> None:
    half = SalienceNetwork(torch.bfloat16).eval()
    half.load_state_dict(network.state_dict())
    hcqt = torch.rand(1, 6, 360, 20)
    with torch.no_grad():
        salience = half(hcqt)
    assert salience.dtype == torch.float32
    torch.testing.assert_close(salience, network(hcqt), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    "weights, data, output",
    [("multif0.h5", "cnn_tasks.npz", "multif0"), ("random_weights.h5", "cnn_random.npz", "y")],
)
def test_golden_outputs(shared: Path, weights: str, data: str, output: str) -> None:
    pytest.importorskip("h5py", reason="the golden weights are HDF5: pip install 'jasco[melody]'")
    golden = np.load(shared / "salience" / data)
    network = load_network(shared / "salience" / weights)
    salience = network(torch.from_numpy(golden["x"])[None])[0]
    np.testing.assert_allclose(salience.numpy(), golden[output], atol=3e-5, rtol=0)
