"""Options of the network: what each changes, and what it leaves unchanged."""

from __future__ import annotations

import pytest
import torch

from jasco.errors import SettingError
from jasco.network import VelocityNetwork
from jasco.network.transformer import CrossAttention, Transformer, rotary_tables, rotate


def inputs(frames=12, dim=16):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, frames, dim, generator=generator)
    tokens = torch.randn(2, 3, dim, generator=generator)
    return x, tokens, torch.ones(2, 3, dtype=torch.bool), torch.randn(2, dim, generator=generator)


def new_transformer(**options) -> Transformer:
    torch.manual_seed(0)
    return Transformer(16, 4, 2, **options).eval()


def test_rotary_scores_depend_on_relative_position_alone():
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64)
    tables = rotary_tables(torch.zeros(1, 40, 8), 8, torch.float64)
    q, k = (rotate(x.expand(-1, -1, 40, -1), tables) for x in (q, k))
    scores = q @ k.transpose(-1, -2)
    for distance in (-7, 0, 3):
        diagonal = scores[0, 0].diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-5, atol=1e-6)
    assert scores[0, 0, 0].std() > 0.01


def test_rotation_keeps_lengths():
    x = torch.randn(2, 3, 10, 8)
    tables = rotary_tables(torch.zeros(1, 10, 8), 8, torch.float32)
    torch.testing.assert_close(rotate(x, tables).norm(dim=-1), x.norm(dim=-1))


@pytest.mark.parametrize("rotary", [False, True])
def test_frames_commute_without_rotary_positions(rotary):
    """Permutation equivariance without position embeddings, broken by rotary ones."""
    x, tokens, mask, time = inputs()
    model = new_transformer(rotary=rotary)
    forward = model(x, tokens, mask, time)
    mixed = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    again = model(x[:, mixed], tokens, mask, time)
    assert torch.allclose(forward[:, mixed], again, atol=1e-5) is not rotary


def test_adaln_starts_at_the_identity_and_learns_flow_time():
    x, tokens, mask, time = inputs()
    plain, modulated = new_transformer(), new_transformer(adaln=True)
    modulated.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(modulated(x, tokens, mask, time), plain(x, tokens, mask, time))
    loss = modulated(x, tokens, mask, time).square().mean()
    loss.backward()
    assert modulated.modulation.project.weight.grad.abs().sum() > 0
    assert (modulated.modulation.offsets.grad.abs().sum(dim=1) > 0).all()
    torch.nn.init.normal_(modulated.modulation.project.weight)
    one, other = (modulated(x, tokens, mask, t) for t in (time, -time))
    assert not torch.allclose(one, other, rtol=0.1)


def test_each_item_has_its_own_time():
    x, tokens, mask, time = inputs()
    model = new_transformer(adaln=True)
    torch.nn.init.normal_(model.modulation.project.weight)
    both = model(x, tokens, mask, time)
    for i in range(2):
        alone = model(x[i : i + 1], tokens[i : i + 1], mask[i : i + 1], time[i : i + 1])
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-4, atol=1e-5)


def test_heads_that_cannot_be_rotated():
    with pytest.raises(SettingError, match="rotary positions need an even dim/heads"):
        VelocityNetwork(18, 2, 6, rotary=True)


def test_the_gradient_of_a_rotation_is_exact():
    tables = rotary_tables(torch.zeros(1, 5, 8), 8, torch.float64)
    x = torch.randn(2, 5, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: rotate(x, tables), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_token_is_what_attention_to_it_gives(dtype):
    """Values and gradients, those of the queries zero, against attention with a bias of zero."""
    generator = torch.Generator().manual_seed(0)
    x, token = (torch.randn(3, n, 16, generator=generator) for n in (12, 1))
    torch.manual_seed(0)
    attention = CrossAttention(16, 2)
    found = []
    for bias in (None, torch.zeros(3, 1, 1, 1, dtype=dtype)):
        attention.zero_grad()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            out = (x + attention(x, token, bias)).float()
        out.square().mean().backward()
        found += [(out, *(p.grad.clone() for p in attention.parameters()))]
    short, whole = found
    tolerance = (
        {"rtol": 1e-5, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 0.1, "atol": 2e-3}
    )
    for one, other in zip(short, whole, strict=True):
        torch.testing.assert_close(one, other, **tolerance)
    assert bool((short[1] == 0).all())
    assert whole[0].std() > 0.5 and whole[3].abs().max() > 1e-3


def test_a_transformer_of_one_token_compiles_in_one_graph():
    x, tokens, _, time = inputs()
    model = new_transformer(rotary=True, adaln=True, skip_connections=True)
    whole = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(
        whole(x, tokens[:, :1], None, time), model(x, tokens[:, :1], None, time)
    )
