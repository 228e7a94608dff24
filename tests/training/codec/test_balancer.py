"""Balanced gradients in proportion to their weights."""

from __future__ import annotations

import pytest
import torch

from jasco.errors import SettingError
from jasco.training.codec.balancer import LossBalancer


def losses_of(output):
    """Three losses of very unequal gradients."""
    return {
        "small": 1e-3 * output.abs().mean(),
        "large": 1e3 * output.square().mean(),
        "odd": (output[:, ::2] * torch.arange(output[:, ::2].shape[1])).sum(),
    }


def test_the_parts_have_the_norms_asked_for():
    weights = {"small": 3.0, "large": 1.0, "odd": 0.5}
    output = torch.randn(4, 100, requires_grad=True)
    found = LossBalancer(weights)(losses_of(output), output)
    units = {name: torch.autograd.grad(loss, output)[0] for name, loss in losses_of(output).items()}
    units = {name: gradient / gradient.norm() for name, gradient in units.items()}
    basis = torch.stack([units[name].flatten() for name in weights], dim=1)
    parts = torch.linalg.lstsq(basis, found.flatten()[:, None]).solution.flatten()
    torch.testing.assert_close(parts * 20, torch.tensor([3.0, 1.0, 0.5]) / 4.5)


def test_one_loss_is_as_a_mean_absolute_difference():
    output = torch.randn(4, 100, requires_grad=True)
    target = torch.randn(4, 100)
    found = LossBalancer({"l1": 7.0})({"l1": (output - target).abs().mean()}, output)
    expected = torch.autograd.grad((output - target).abs().mean(), output)[0]
    torch.testing.assert_close(found, expected)


def test_norms_are_averaged_over_steps():
    balancer = LossBalancer({"only": 1.0}, decay=0.5)
    output = torch.ones(1, 1, requires_grad=True)
    found = [balancer({"only": g * output.sum()}, output).item() for g in (1.0, 3.0)]
    # The second average is (0.25 * 1 + 0.5 * 3) / 0.75.
    assert found == pytest.approx([1.0, 3 / (1.75 / 0.75)])


def test_a_weight_of_zero_leaves_a_loss_out():
    output = torch.randn(4, 100, requires_grad=True)
    losses = losses_of(output)
    with_zero = LossBalancer({"small": 1.0, "large": 0.0, "odd": 1.0})(losses, output)
    losses.pop("large")
    without = LossBalancer({"small": 1.0, "odd": 1.0})(losses, output)
    torch.testing.assert_close(with_zero, without)


def test_a_gradient_of_zero_stays_zero():
    output = torch.zeros(2, 3, requires_grad=True)
    found = LossBalancer({"none": 1.0})({"none": output.square().mean()}, output)
    assert torch.equal(found, torch.zeros(2, 3))


def test_its_state_goes_on():
    def steps(balancer, n):
        generator = torch.Generator().manual_seed(0)
        outputs = [torch.randn(2, 5, generator=generator, requires_grad=True) for _ in range(6)]
        return [balancer({"l": (o.abs() ** 3).mean()}, o) for o in outputs[n]]

    whole, first, second = (LossBalancer({"l": 1.0}) for _ in range(3))
    expected = steps(whole, slice(0, 6))[3:]
    steps(first, slice(0, 3))
    second.load_state_dict(first.state_dict())
    found = steps(second, slice(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


@pytest.mark.parametrize("weights", [{}, {"a": -1.0, "b": 2.0}, {"a": 0.0}])
def test_weights_out_of_range(weights):
    with pytest.raises(SettingError, match="weights"):
        LossBalancer(weights)


def test_losses_without_a_weight():
    output = torch.ones(1, requires_grad=True)
    with pytest.raises(SettingError, match="'b'"):
        LossBalancer({"a": 1.0})({"b": output.sum()}, output)
