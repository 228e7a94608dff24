"""The encoder of T5 equals that of transformers bit by bit, and reads and writes its files."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from jasco.errors import CheckpointError
from jasco.t5 import ByteTokenizer, T5Config, T5Encoder, load_tokenizer
from jasco.t5.config import ACTIVATIONS

SMALL = {"vocab_size": 60, "d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 2, "num_heads": 3}
KINDS = [*ACTIVATIONS, "gated-gelu", "gated-silu"]


def pair(kind: str = "gated-gelu") -> tuple[transformers.T5EncoderModel, T5Encoder]:
    """Encoders of transformers and of ours from one seed."""
    torch.manual_seed(0)
    reference = transformers.T5EncoderModel(transformers.T5Config(**SMALL, feed_forward_proj=kind))
    after = torch.get_rng_state()
    torch.manual_seed(0)
    own = T5Encoder(T5Config(**SMALL, feed_forward_proj=kind))
    assert torch.equal(torch.get_rng_state(), after)
    return reference, own


@pytest.mark.parametrize("kind", KINDS)
def test_random_weights_and_hidden_states_are_those_of_transformers(kind: str) -> None:
    reference, own = pair(kind)
    state = reference.state_dict()
    assert list(own.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in own.state_dict().items())
    ids = torch.randint(0, 60, (3, 150))
    mask = torch.arange(150) < torch.tensor([[150], [7], [1]])
    for rows in (slice(0, 3), slice(0, 1)):
        for training in (False, True):  # with the same dropout
            hidden = []
            for model in (reference.train(training), own.train(training)):
                torch.manual_seed(1)
                with torch.no_grad():
                    hidden.append(model(ids[rows], mask[rows]))
            assert torch.equal(hidden[0].last_hidden_state, hidden[1])


def test_gradients_are_those_of_transformers() -> None:
    reference, own = pair()
    ids, mask = torch.randint(0, 60, (2, 9)), torch.ones(2, 9, dtype=torch.bool)
    reference.eval()(ids, mask).last_hidden_state.square().sum().backward()
    own.eval()(ids, mask).square().sum().backward()
    found = dict(own.named_parameters())
    for name, parameter in reference.named_parameters():
        torch.testing.assert_close(found[name].grad, parameter.grad, rtol=1e-4, atol=1e-5)


def test_files_go_to_transformers_and_back(tmp_path: Path) -> None:
    reference, own = pair()
    own.save(tmp_path / "own")
    reference.save_pretrained(tmp_path / "reference")
    theirs = transformers.T5EncoderModel.from_pretrained(tmp_path / "own")
    for model in (theirs, T5Encoder.load(str(tmp_path / "reference"))):
        state = model.state_dict()
        assert all(torch.equal(state[name], x) for name, x in reference.state_dict().items())
    again = T5Encoder.load(str(tmp_path / "own"))
    assert again.encoder.embed_tokens.weight is again.shared.weight
    assert again.config == own.config
    values = json.loads((tmp_path / "own" / "config.json").read_text())
    assert values["model_type"] == "t5" and values["feed_forward_proj"] == "gated-gelu"


def test_an_encoder_is_read_from_a_whole_t5_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = transformers.T5ForConditionalGeneration(transformers.T5Config(**SMALL)).half()
    whole.save_pretrained(tmp_path)
    own = T5Encoder.load(str(tmp_path))
    assert own.shared.weight.dtype == torch.float32
    state = whole.state_dict()
    assert all(torch.equal(x, state[name].float()) for name, x in own.state_dict().items())


def test_weights_in_shards(tmp_path: Path) -> None:
    reference, _ = pair()
    reference.save_pretrained(tmp_path, max_shard_size="4KB")
    assert len([*tmp_path.glob("model-*.safetensors")]) > 1
    state = T5Encoder.load(str(tmp_path)).state_dict()
    assert all(torch.equal(state[name], x) for name, x in reference.state_dict().items())


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    pair()[1].save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["encoder.final_layer_norm.weight"]
    save_file(tensors | {"other": torch.zeros(1000)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="missing: encoder.final_layer_norm.weight"):
        T5Encoder.load(str(tmp_path))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("d_model", 0),
        ("num_layers", 2.5),
        ("dropout_rate", 1.0),
        ("dropout_rate", "x"),
        ("feed_forward_proj", "gated-tanh"),
        ("feed_forward_proj", 3),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{key} is"):
        T5Config(**{key: value})


# --- tokenizers -----------------------------------------------------------------------------------

PARTS = ["<pad>", "</s>", "<unk>", " ", "  ", "\n", "\t", "\u00a0", "\u2003", "\x1c", "\x85", "a"]
PARTS += ["funk é 日本 🎸", "<extra_id_0>", "<extra_id_12>", "<extra_id_125>", "<", "</s", "s>", ""]


def test_bytes_are_those_of_transformers() -> None:
    reference, own, draw = transformers.ByT5Tokenizer(), ByteTokenizer(), random.Random(0)
    texts = ["".join(draw.choices(PARTS, k=draw.randint(0, 6))) for _ in range(3000)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a text that ends with its end token
        assert [own.ids(text) for text in texts] == reference(texts)["input_ids"]
        expected = reference(texts[:20], return_tensors="pt", padding=True)
    ids, mask = own(texts[:20])
    assert torch.equal(ids, expected["input_ids"])
    assert torch.equal(mask, expected["attention_mask"].bool())
    assert len(own) == len(reference)


def test_the_files_of_bytes_are_those_of_transformers(tmp_path: Path) -> None:
    transformers.ByT5Tokenizer().save_pretrained(tmp_path / "reference")
    ByteTokenizer().save(tmp_path / "own")
    for name in ("tokenizer_config.json", "added_tokens.json"):
        reference, own = (tmp_path / kind / name for kind in ("reference", "own"))
        assert json.loads(own.read_text()) == json.loads(reference.read_text())
    assert isinstance(load_tokenizer(str(tmp_path / "own")), ByteTokenizer)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "own")
    assert again("a <unk> b")["input_ids"] == ByteTokenizer().ids("a <unk> b")


def test_other_tokens_are_left_to_transformers(tmp_path: Path) -> None:
    changed = transformers.ByT5Tokenizer(extra_ids=3)
    changed.save_pretrained(tmp_path)
    found = load_tokenizer(str(tmp_path))
    assert not isinstance(found, ByteTokenizer)
    text = "a <extra_id_5> b"
    assert found([text])[0].tolist() == [changed(text)["input_ids"]]
