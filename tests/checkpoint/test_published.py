"""The adapter of published checkpoints: options that are not implemented are refused by name."""

from __future__ import annotations

import copy

import pytest
import torch
import yaml

from jasco.checkpoint import build
from jasco.checkpoint import published as convert
from jasco.errors import CheckpointError
from jasco.flow import ABM2
from jasco.io.hub import HubOptions, locate
from jasco.model import Jasco

NAMES = ["facebook/jasco-chords-drums-400M", "facebook/jasco-chords-drums-melody-400M"]


@pytest.fixture(scope="module")
def published(hub_cache):
    folder = locate(NAMES[1], ("*.bin",), HubOptions(cache_dir=hub_cache)).folder
    package = torch.load(folder / "state_dict.bin", weights_only=True)
    return {**package, "xp": yaml.safe_load(package["xp.cfg"])}


def put(config, path, value):
    *parents, last = path.split(".")
    for key in parents:
        config = config[key]
    config[last] = value


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("lm_model", "transformer_lm"),
        ("channels", 2),
        ("transformer_lm.positional_embedding", "rope"),
        ("transformer_lm.qk_layer_norm", True),
        ("transformer_lm.qk_layer_norm_cross", True),
        ("transformer_lm.bias_attn", True),
        ("transformer_lm.activation", "relu"),
        ("transformer_lm.norm", "rms_norm"),
        ("transformer_lm.norm_first", False),
        ("transformer_lm.causal", True),
        ("transformer_lm.layer_scale", 0.1),
        ("transformer_lm.an_option_of_tomorrow", True),
        ("fuser.prepend", ["description"]),
        ("fuser.cross", []),
        ("fuser.cross_attention_pos_emb", True),
        ("conditioners.description.model", "clap"),
        ("conditioners.description.t5.normalize_text", True),
        ("conditioners.chords.chords_emb.card", 24),
        ("conditioners.melody.melody.card", 12),
    ],
)
def test_options_that_are_not_implemented_are_named(published, option, value):
    xp = copy.deepcopy(published["xp"])
    put(xp, option, value)
    with pytest.raises(CheckpointError, match=f"{option}.*not implemented"):
        convert.published_config(xp, codec="facebook/encodec_32khz")


def test_an_unknown_conditioner_is_named(published):
    xp = copy.deepcopy(published["xp"])
    xp["conditioners"]["tempo"] = {"model": "lut"}
    with pytest.raises(CheckpointError, match="tempo"):
        convert.published_config(xp, codec="")


@pytest.mark.parametrize("section", ["transformer_lm", "conditioners", "fuser", "dataset"])
def test_a_missing_section_is_named(published, section):
    xp = {k: v for k, v in published["xp"].items() if k != section}
    with pytest.raises(CheckpointError, match=section):
        convert.published_config(xp, codec="")


def test_what_is_read_of_the_configuration(published):
    config = convert.published_config(published["xp"], codec="some/codec")
    assert list(config["model"]["conditioners"]) == ["text", "chords", "drums", "melody"]
    assert config["model"]["codec"]["pretrained"] == "some/codec"
    assert config["dropout"] == {
        "all": 0.2,
        "text": 0.0,
        "chords": 0.5,
        "melody": 0.5,
        "drums": 0.5,
    }
    assert config["guidance"] == {"_target_": "jasco.flow.Guidance", "all": 3.0, "text": 1.0}


@pytest.mark.parametrize(
    ("weights", "solver"), [((3.0, 1.0), ABM2(9, shift=3.0)), ((5.0, 0.0), ABM2(14, shift=4.0))]
)
def test_stronger_guidance_takes_more_steps(published, weights, solver):
    sampling = dict(zip(("cfg_coef_all", "cfg_coef_txt"), weights, strict=True))
    xp = published["xp"] | {"generate": {"lm": sampling}}
    config = convert.published_config(xp, codec="")
    assert build(config["solver"], "solver") == solver


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_arrives(name, hub_cache):
    """No weight is lost, doubled or changed on the way into our names."""
    folder = locate(name, ("*.bin",), HubOptions(cache_dir=hub_cache)).folder
    theirs = torch.load(folder / "state_dict.bin", weights_only=True)["best_state"]
    ours = Jasco.from_pretrained(name, cache_dir=hub_cache).state_dict()
    ours = {k: v for k, v in ours.items() if not k.startswith("conditioners.text.encoder.")}
    assert sum(v.numel() for v in theirs.values()) == sum(v.numel() for v in ours.values())
    for a, b in ((theirs, ours), (ours, theirs)):
        total = sum(v.double().abs().sum() for v in a.values())
        torch.testing.assert_close(total, sum(v.double().abs().sum() for v in b.values()))


def package(tmp_path, published, change):
    """A published checkpoint whose file was changed."""
    content = {k: copy.deepcopy(v) for k, v in published.items() if k != "xp"}
    change(content)
    torch.save(content, tmp_path / "state_dict.bin")
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["best_state"].pop("out_norm.bias"), "missing: network.norm.bias"),
        (lambda c: c["best_state"].update(x=torch.zeros(1)), "'x'"),
        (lambda c: c["best_state"].update({"emb.weight": torch.zeros(64, 146)}), "emb.weight"),
        (
            lambda c: c["best_state"].update({"out_norm.bias": torch.zeros(9)}),
            "wrong shape: network.norm.bias",
        ),
        (lambda c: c.pop("xp.cfg"), "not a JASCO file"),
    ],
)
def test_files_that_do_not_fit(tmp_path, published, hub_cache, change, message):
    folder = package(tmp_path, published, change)
    with pytest.raises(CheckpointError, match=message):
        Jasco.from_pretrained(folder, cache_dir=hub_cache)


def test_older_names_of_weight_normalisation(tmp_path, published, hub_cache):
    def rename(content):
        content["best_state"] = {
            k.replace(".parametrizations.weight.original0", ".weight_g").replace(
                ".parametrizations.weight.original1", ".weight_v"
            ): v
            for k, v in content["best_state"].items()
        }
        assert any(k.endswith(".weight_g") for k in content["best_state"])

    folder = package(tmp_path, published, rename)
    old = Jasco.from_pretrained(folder, cache_dir=hub_cache).state_dict()
    new = Jasco.from_pretrained(NAMES[1], cache_dir=hub_cache).state_dict()
    assert all(torch.equal(old[k], new[k]) for k in new)


def test_half_precision_files(tmp_path, published, hub_cache):
    """The real files hold float16, with infinities in codebook buffers that nothing reads."""

    def halve(content):
        state = content["best_state"]
        for k, v in state.items():
            state[k] = v.half() if v.is_floating_point() else v
            if k.endswith("embed_avg"):
                state[k][:] = torch.inf

    folder = package(tmp_path, published, halve)
    model = Jasco.from_pretrained(folder, cache_dir=hub_cache, dtype="float32")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    audio = model.codec.decode(torch.zeros(1, 8, 128))
    assert bool(audio.isfinite().all())


def test_a_pickle_that_runs_code_is_not_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("pwned",)

    torch.save({"best_state": Evil(), "xp.cfg": ""}, tmp_path / "state_dict.bin")
    with pytest.raises(CheckpointError, match="cannot be read"):
        Jasco.from_pretrained(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not torch", b"PK\x03\x04half a zip"])
def test_a_file_that_is_not_torch(tmp_path, content):
    (tmp_path / "state_dict.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        Jasco.from_pretrained(tmp_path)
