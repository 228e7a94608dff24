"""The conditional path against its closed forms."""

from __future__ import annotations

import pytest
import torch

from jasco.flow import LOSS_WEIGHTS, ConditionalPath, shift_timesteps


@pytest.fixture
def ends():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2)]


def test_ends_of_the_path(ends):
    z_0, z_1 = ends
    path = ConditionalPath()
    zeros, ones = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    assert torch.equal(path.sample(z_0, z_1, zeros), z_0)
    torch.testing.assert_close(path.sample(z_0, z_1, ones), 1e-5 * z_0 + z_1, rtol=0, atol=1e-12)


def test_velocity_is_the_derivative_of_the_path(ends):
    z_0, z_1 = ends
    path = ConditionalPath()
    t, h = torch.tensor([0.1, 0.5, 0.8], dtype=torch.float64), 1e-4
    slope = (path.sample(z_0, z_1, t + h) - path.sample(z_0, z_1, t - h)) / (2 * h)
    torch.testing.assert_close(path.velocity(z_0, z_1), slope)


def test_each_item_has_its_own_time(ends):
    z_0, z_1 = ends
    t = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    batch = ConditionalPath().sample(z_0, z_1, t)
    for i in range(3):
        alone = ConditionalPath().sample(z_0[i : i + 1], z_1[i : i + 1], t[i : i + 1])
        assert torch.equal(batch[i], alone[0])


def test_loss_weights():
    t = torch.tensor([0.0, 0.25, 1.0])
    assert LOSS_WEIGHTS["uniform"](t).tolist() == [1, 1, 1]
    assert LOSS_WEIGHTS["increasing"](t).tolist() == [1, 1.25, 2]
    assert LOSS_WEIGHTS["decreasing"](t).tolist() == [2, 1.75, 1]


def test_shift_timesteps_times():
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    assert torch.equal(shift_timesteps(t, 1.0), t)
    moved = shift_timesteps(t, 3.0)
    assert moved[0] == 0 and moved[-1] == 1 and (moved[1:-1] < t[1:-1]).all()
    torch.testing.assert_close(shift_timesteps(moved, 1 / 3), t)
    # The density of what uniform times become is the inverse of the slope: 3 at 0 and 1/3 at 1.
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(shift_timesteps(ends, 3.0).sum(), ends)
    torch.testing.assert_close(1 / slope, torch.tensor([3.0, 1 / 3], dtype=torch.float64))
