"""Text in adaptive layer norm: the pooled text modulates the blocks beside flow time."""

from __future__ import annotations

import pytest
import runs
import torch

from jasco.conditions import ConditionBatch, Conditions
from jasco.errors import SettingError
from jasco.model import Jasco
from jasco.network import VelocityNetwork

POOLED = ("+model.conditioners.text.pooling_queries=3", "++model.network.adaln=true")
TEXTS = ["a slow waltz", "fast and dark heavy metal", None]


def new_model(*overrides: str) -> Jasco:
    return runs.new_model(*POOLED, *overrides).eval()


def velocity(model: Jasco, texts: list[str | None], batch: ConditionBatch | None = None):
    generator = torch.Generator().manual_seed(5)
    z = torch.randn(1, 50, model.codec.latent_dim, generator=generator).expand(len(texts), -1, -1)
    batch = batch or model.encode([Conditions(text=text) for text in texts], 50)
    return model.velocity(z, torch.full((len(texts),), 0.3), batch)


def test_a_trained_model_starts_as_it_was_and_learns_the_option():
    old, new = new_model(), new_model("++model.network.adaln_text=true")
    missing, unexpected = new.load_state_dict(old.state_dict(), strict=False)
    assert (missing, unexpected) == (["network.text.weight"], [])
    with torch.no_grad():
        torch.testing.assert_close(velocity(new, TEXTS), velocity(old, TEXTS), rtol=0, atol=0)
    torch.nn.init.normal_(new.network.transformer.modulation.project.weight, std=0.1)
    velocity(new, TEXTS).square().mean().backward()
    assert new.network.text.weight.grad.abs().sum() > 0


@torch.no_grad()
def test_text_alone_changes_the_modulation_and_its_null_does_not(tmp_path):
    old, new = new_model(), new_model("++model.network.adaln_text=true")
    new.load_state_dict(old.state_dict(), strict=False)
    torch.nn.init.normal_(new.network.text.weight)
    was, now = velocity(old, TEXTS), velocity(new, TEXTS)
    changed = (now - was).abs().amax((1, 2))
    assert changed[0] > 1e-2 and changed[1] > 1e-2 and changed[2] == 0
    batch = new.encode([Conditions(text=text) for text in TEXTS], 50).drop("text")
    torch.testing.assert_close(velocity(new, TEXTS, batch), velocity(old, [None] * 3))
    # Padding in training puts the last frames at their null, and leaves the text of the clip.
    padding = torch.arange(50)[None].expand(3, -1) >= 40
    padded = new.encode([Conditions(text=text) for text in TEXTS], 50).drop("text", where=padding)
    assert not torch.allclose(velocity(new, TEXTS, padded), velocity(old, TEXTS, padded))
    again = Jasco.from_pretrained(
        new.save_pretrained(tmp_path / "m"), device="cpu", dtype="float32"
    )
    torch.testing.assert_close(velocity(again, TEXTS), now, rtol=0, atol=0)


def test_settings_that_cannot_be():
    with pytest.raises(SettingError, match="adaln_text: the text modulates blocks by adaln"):
        VelocityNetwork(16, 2, 2, adaln_text=True)
    with pytest.raises(SettingError, match="give conditioners.text.pooling_queries"):
        runs.new_model("++model.network.adaln=true", "++model.network.adaln_text=true")
