"""Squared errors of frames and of window means, against closed forms."""

from __future__ import annotations

import pytest
import torch

from jasco.flow.loss import squared_error


@pytest.fixture
def error():
    return torch.randn(3, 10, 4, generator=torch.Generator().manual_seed(0))


def test_frames_alone(error):
    torch.testing.assert_close(squared_error(error), error.square().mean((1, 2)))


def test_windows_of_means(error):
    """Windows of four frames of ten, where the last one is short, count by their frames."""
    means = [error[:, :4].mean(1), error[:, 4:8].mean(1), error[:, 8:].mean(1)]
    shares = [0.4, 0.4, 0.2]
    further = sum(s * m.square().mean(1) for s, m in zip(shares, means, strict=True))
    expected = error.square().mean((1, 2)) + 3 * further
    torch.testing.assert_close(squared_error(error, windows={4: 3.0}), expected)


@pytest.mark.parametrize("length", [10, 500])
def test_a_window_of_the_whole_clip(error, length):
    expected = error.square().mean((1, 2)) + 2 * error.mean(1).square().mean(1)
    torch.testing.assert_close(squared_error(error, windows={length: 2.0}), expected)


def test_padding_does_not_count(error):
    mask = torch.ones(3, 10, dtype=torch.bool)
    mask[1, 6:] = False
    found = squared_error(error, mask, {4: 3.0, 500: 10.0})
    alone = squared_error(error[1:2, :6], windows={4: 3.0, 500: 10.0})
    torch.testing.assert_close(found[1:2], alone)
    torch.testing.assert_close(found[0], squared_error(error, windows={4: 3.0, 500: 10.0})[0])


def test_each_frame_as_a_window_doubles_the_error(error):
    torch.testing.assert_close(squared_error(error, windows={1: 1.0}), 2 * squared_error(error))


def test_the_best_velocity_is_the_same():
    """Of targets at random the mean has the least error, with windows as without."""
    targets = torch.randn(64, 10, 4, generator=torch.Generator().manual_seed(1))
    guess = torch.zeros(1, 10, 4, requires_grad=True)
    squared_error(guess - targets, windows={5: 4.0, 10: 9.0}).mean().backward()
    at_mean = targets.mean(0, keepdim=True).requires_grad_()
    squared_error(at_mean - targets, windows={5: 4.0, 10: 9.0}).mean().backward()
    assert at_mean.grad.abs().max() < 1e-6 < 1e-3 < guess.grad.abs().max()
