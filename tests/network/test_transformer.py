"""What the options of the network change, and what they leave as it is."""

from __future__ import annotations

import pytest
import torch

from jasco.errors import SettingError
from jasco.network import VelocityNetwork
from jasco.network.transformer import Transformer, rotate


def inputs(frames=12, dim=16):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, frames, dim, generator=generator)
    tokens = torch.randn(2, 3, dim, generator=generator)
    return x, tokens, torch.ones(2, 3, dtype=torch.bool), torch.randn(2, dim, generator=generator)


def new_transformer(**options) -> Transformer:
    torch.manual_seed(0)
    return Transformer(16, 4, 2, **options).eval()


def test_rotated_scores_depend_on_distance_alone():
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64)
    scores = rotate(q.expand(-1, -1, 40, -1)) @ rotate(k.expand(-1, -1, 40, -1)).transpose(-1, -2)
    for distance in (-7, 0, 3):
        diagonal = scores[0, 0].diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-5, atol=1e-6)
    assert scores[0, 0, 0].std() > 0.01


def test_rotation_keeps_lengths():
    x = torch.randn(2, 3, 10, 8)
    torch.testing.assert_close(rotate(x).norm(dim=-1), x.norm(dim=-1))


@pytest.mark.parametrize("rotary", [False, True])
def test_only_rotation_tells_frames_apart(rotary):
    """Without positions, a transformer of frames in another order is the same in that order."""
    x, tokens, mask, time = inputs()
    model = new_transformer(rotary=rotary)
    forward = model(x, tokens, mask, time)
    mixed = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    again = model(x[:, mixed], tokens, mask, time)
    assert torch.allclose(forward[:, mixed], again, atol=1e-5) is not rotary


def test_blocks_begin_without_modulation_and_come_to_heed_time():
    x, tokens, mask, time = inputs()
    plain, adaptive = new_transformer(), new_transformer(adaptive=True)
    adaptive.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(adaptive(x, tokens, mask, time), plain(x, tokens, mask, time))
    loss = adaptive(x, tokens, mask, time).square().mean()
    loss.backward()
    assert adaptive.modulation.project.weight.grad.abs().sum() > 0
    assert (adaptive.modulation.offsets.grad.abs().sum(dim=1) > 0).all()
    torch.nn.init.normal_(adaptive.modulation.project.weight)
    one, other = (adaptive(x, tokens, mask, t) for t in (time, -time))
    assert not torch.allclose(one, other, rtol=0.1)


def test_each_item_has_its_own_time():
    x, tokens, mask, time = inputs()
    model = new_transformer(adaptive=True)
    torch.nn.init.normal_(model.modulation.project.weight)
    both = model(x, tokens, mask, time)
    for i in range(2):
        alone = model(x[i : i + 1], tokens[i : i + 1], mask[i : i + 1], time[i : i + 1])
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-4, atol=1e-5)


def test_heads_that_cannot_be_rotated():
    with pytest.raises(SettingError, match="rotary positions need an even dim/heads"):
        VelocityNetwork(18, 2, 6, rotary=True)
