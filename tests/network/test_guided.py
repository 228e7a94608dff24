"""Guided velocity of mixed batches: terms that are equal for an item are computed once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from jasco import Conditions, Euler, Guidance, Jasco
from jasco.conditions import ConditionBatch
from jasco.errors import SettingError

FRAMES = 50
TEXT, CHORDS = Conditions("warm synth-pop"), Conditions(chords="C:0 Am:.5")
BOTH, NOTHING = Conditions("jazz, brushed drums", chords="G7:0"), Conditions()
WEIGHTS = {"all": 1.5, "text": 2.0, "chords": 0.5}


def latents(model: Jasco, items: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(items, FRAMES, model.codec.latent_dim, generator=generator)


@torch.no_grad()
@pytest.mark.parametrize(
    ("clips", "rows"),
    [
        ([TEXT], 2),  # all = text; chords = none
        ([CHORDS], 2),  # all = chords; text = none
        ([BOTH], 4),
        ([NOTHING], 1),
        ([TEXT, BOTH, NOTHING, CHORDS, TEXT], 11),
    ],
)
def test_equal_terms_are_one_row(tiny: Jasco, clips: list[Conditions], rows: int) -> None:
    """Sums differ by rounding only: matrix products of fewer rows may add in another order."""
    encoded = tiny.encode(clips, FRAMES)
    field = tiny.guided(encoded, Guidance(**WEIGHTS))
    assert len(field.items) == len(field.conditions) == rows
    unmerged = tiny.guided(ConditionBatch(encoded.controls), Guidance(**WEIGHTS))
    assert len(unmerged.items) == 4 * len(clips)
    z, t = latents(tiny, len(clips)), torch.tensor(0.3)
    torch.testing.assert_close(field(t, z), unmerged(t, z), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_term_whose_weights_cancel_is_not_computed(tiny: Jasco) -> None:
    encoded = tiny.encode([CHORDS, BOTH], FRAMES)
    field = tiny.guided(encoded, Guidance(all=1.0, text=2.0))
    assert field.items.tolist() == [0, 1, 1, 1]
    z, t = latents(tiny, 2), torch.tensor(0.3)
    alone = tiny.velocity(z[:1], t, encoded.select([0]))
    torch.testing.assert_close(field(t, z)[:1], alone, rtol=1e-4, atol=1e-5)


def test_a_batch_knows_what_its_items_have(tiny: Jasco) -> None:
    batch = tiny.encode([TEXT, BOTH, Conditions("")], FRAMES)
    assert batch.given == ({"text"}, {"text", "chords"}, frozenset())
    assert batch.select([1, 1, 0]).given == ({"text", "chords"}, {"text", "chords"}, {"text"})
    assert batch.keep(["text"]).given == ({"text"}, {"text"}, frozenset())
    assert batch.drop("text", where=torch.tensor([True, False, False])).given == batch.given
    assert ConditionBatch.cat([batch, batch]).given == batch.given * 2


def test_a_request_of_one_control_takes_two_rows_of_three(tiny: Jasco) -> None:
    rows: list[int] = []
    count = lambda module, args: rows.append(len(args[0]))  # noqa: E731
    handle = tiny.network.register_forward_pre_hook(count)
    try:
        tiny.generate([TEXT, BOTH], seed=0, solver=Euler(1), guidance="all=2.5,chords=1")
    finally:
        handle.remove()
    assert rows == [2 + 3]


EACH = [
    Guidance(all=1.0),
    Guidance(all=2.5, text=0.5),
    Guidance(all=2.0, start=0.3, end=0.7),
    Guidance(chords="1.5@0:0.4,3@0.4:1"),
]


@pytest.mark.parametrize(
    ("each", "duration"), [(EACH, 1.0), (EACH[:2] + EACH[3:], 1.0), (EACH, 12.0)]
)
def test_items_of_a_batch_have_guidance_of_their_own(
    tiny: Jasco, each: list[Guidance], duration: float
) -> None:
    clips, shared = [BOTH] * len(each), {"steps": 3, "duration": duration}
    together = tiny.generate(clips, seed=5, guidance=each, **shared)
    for item, guidance in enumerate(each):
        alone = tiny.generate(BOTH, seed=5, guidance=guidance, **shared)
        torch.testing.assert_close(together.latents[item], alone.latents[0], rtol=0, atol=1e-4)
        assert together.recipe[item] | {"batch": 1} == alone.recipe[0]
    assert (together.latents[0] - together.latents[1]).abs().max() > 1e-2


def test_guidance_of_too_few_items(tiny: Jasco) -> None:
    with pytest.raises(SettingError, match="2 values for 1 clips"):
        tiny.generate(BOTH, guidance=EACH[:2])
