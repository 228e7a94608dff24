from __future__ import annotations

import numpy as np
import pytest
import torch

from jasco.extract.salience.framing import frame_product, reflected, zero_extended

RANGES = [(0, 7), (2, 5), (-3, 4), (4, 12), (-9, 20), (-30, -20), (20, 25), (3, 3)]


@pytest.mark.parametrize("start, stop", RANGES)
@pytest.mark.parametrize("length", [1, 2, 7])
def test_pieces_equal_those_of_the_padded_signal(length: int, start: int, stop: int) -> None:
    signal = np.random.default_rng(0).normal(size=(2, length))
    pad = ((0, 0), (40, 40))
    for function, mode in ((zero_extended, "constant"), (reflected, "reflect")):
        expected = np.pad(signal, pad, mode=mode)[:, 40 + start : 40 + stop]
        piece = function(torch.from_numpy(signal), start, stop)
        np.testing.assert_array_equal(piece.numpy(), expected, err_msg=mode)


def test_a_piece_inside_is_no_copy() -> None:
    signal = torch.randn(10)
    for function in (zero_extended, reflected):
        assert function(signal, 2, 8).data_ptr() == signal[2:].data_ptr()


def test_frame_product_by_the_definition() -> None:
    signal, matrix = torch.randn(2, 23), torch.randn(5, 4)
    product = frame_product(signal, matrix, 3)
    assert product.shape == (2, 7, 4)
    for i in range(7):
        torch.testing.assert_close(product[:, i], signal[:, 3 * i : 3 * i + 5] @ matrix)
