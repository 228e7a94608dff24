"""Attention pooling of text: one vector for all frames, with queries trained with the encoder."""

from __future__ import annotations

import pytest
import runs
import torch

from jasco.conditioners import TextConditioner
from jasco.conditions import Conditions
from jasco.errors import SettingError
from jasco.flow import Euler, Guidance
from jasco.model import Jasco

QUERIES = 3
TEXTS = ["a slow waltz", "fast and dark heavy metal with distorted guitar and rock organ", None]


@pytest.fixture(scope="module")
def model() -> Jasco:
    return runs.new_model(f"+model.conditioners.text.pooling_queries={QUERIES}").eval()


@torch.no_grad()
def encode(model: Jasco, texts: list[str | None]):
    return model.encode([Conditions(text=text) for text in texts], 50).controls["text"]


def test_pooled_text_is_one_vector_for_all_frames_and_no_token(model):
    encoded = encode(model, TEXTS)
    assert encoded.values.shape == (3, 1, 32) and encoded.mask is None
    assert not encoded.null.any() and not encoded.values[2].any()
    assert (encoded.values[0] - encoded.values[1]).abs().max() > 1e-3


def test_a_text_does_not_depend_on_the_others(model):
    together = encode(model, TEXTS).values
    for k, text in enumerate(TEXTS):
        torch.testing.assert_close(encode(model, [text]).values[0], together[k])


def test_queries_attend_to_no_padding(model):
    text = model.conditioners["text"]
    hidden, mask = torch.randn(2, 7, 128)[..., : text.summary.in_features], torch.ones(2, 7) > 0
    mask[1, 4:] = False
    found = text.pool(hidden, mask)
    assert found.shape == (2, QUERIES, hidden.shape[-1])
    torch.testing.assert_close(found[1:], text.pool(hidden[1:, :4], mask[1:, :4]))
    weights = text.summary(hidden[0]).softmax(0)
    torch.testing.assert_close(found[0], weights.T @ hidden[0])


def test_pooled_text_conditions_drops_and_guides(model):
    batch = model.encode([Conditions(text=TEXTS[0])], 50)
    z, t = torch.randn(1, 50, model.codec.latent_dim), torch.tensor([0.3])
    with torch.no_grad():
        given, dropped = (model.velocity(z, t, b) for b in (batch, batch.drop("text")))
        nothing = model.velocity(z, t, model.encode([Conditions()], 50))
    assert (given - dropped).abs().max() > 1e-4
    torch.testing.assert_close(dropped, nothing)
    clips = [Conditions(text=text, chords="C:0 Am:0.5") for text in TEXTS]
    settings = {"solver": Euler(2), "guidance": Guidance(all=1.5, text=2.0), "duration": 1.0}
    batch_of_three = model.generate(clips, seed=1, **settings).latents
    alone = model.generate(clips[1], seed=1, **settings).latents
    torch.testing.assert_close(batch_of_three[1], alone[0], atol=1e-4, rtol=0)


def test_pooling_queries_are_saved_with_the_model(model, tmp_path):
    again = Jasco.from_pretrained(
        model.save_pretrained(tmp_path / "model"), device="cpu", dtype="float32"
    )
    assert torch.equal(encode(again, TEXTS).values, encode(model, TEXTS).values)


def test_another_number_of_queries_is_refused(model, tmp_path):
    model.conditioners["text"].save_encoder(tmp_path)
    same = TextConditioner(16, pretrained=str(tmp_path), pooling_queries=QUERIES)
    assert torch.equal(same.summary.weight, model.conditioners["text"].summary.weight)
    with pytest.raises(SettingError, match="3 queries: give pooling_queries that number"):
        TextConditioner(16, pretrained=str(tmp_path), pooling_queries=5)
    assert TextConditioner(16, pretrained=str(tmp_path)).summary is None
    with pytest.raises(SettingError, match="no pooling queries"):
        TextConditioner(16, pretrained=str(tmp_path)).pool(torch.zeros(1, 2, 4), None)
