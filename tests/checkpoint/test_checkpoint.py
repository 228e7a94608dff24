"""Checkpoints: what is refused, by name, and what is built."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from jasco import checkpoint
from jasco.conditions import Conditions
from jasco.errors import CheckpointError, JascoError, SettingError
from jasco.flow import Euler, Guidance
from jasco.io.hub import HubOptions
from jasco.model import Jasco


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    return tiny.save_pretrained(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def copied(folder, tmp_path):
    """A copy that a test may damage."""
    target = tmp_path / "copy"
    for path in folder.rglob("*"):
        if path.is_file():
            (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target / path.relative_to(folder))
    return target


def rewrite(path, text):
    path.unlink()
    path.write_text(text, encoding="utf-8")


def edit_config(folder, change):
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    change(config)
    rewrite(path, yaml.safe_dump(config))


def edit_tensors(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    change(tensors)
    save_file(tensors, path)


def test_a_saved_model_is_complete(folder):
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"config.yaml", "model.safetensors", "README.md"} <= names
    assert {"codec/config.json", "codec/model.safetensors"} <= names
    assert "text_encoder/model.safetensors" in names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)


def test_every_file_is_readable_as_the_umask_says(tiny, tmp_path):
    before = os.umask(0o022)
    try:
        saved = tiny.save_pretrained(tmp_path / "model")
    finally:
        os.umask(before)
    modes = {str(p.relative_to(saved)): oct(p.stat().st_mode & 0o777) for p in saved.rglob("*.*")}
    assert modes == dict.fromkeys(modes, "0o644") and len(modes) >= 6


def test_round_trip_is_bit_equal(tiny, folder):
    again = Jasco.from_pretrained(folder, device="cpu", dtype="float32")
    before, after = tiny.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    clip = Conditions(text="a short text")
    outputs = [m.generate(clip, seed=1, solver=Euler(2)).audio for m in (tiny, again)]
    assert torch.equal(*outputs)


def test_defaults_of_solver_and_guidance_are_kept(tiny, tmp_path):
    config = copy.deepcopy(tiny.config)
    config["solver"] = {"_target_": "jasco.flow.Heun", "steps": 9}
    config["guidance"] = {"_target_": "jasco.flow.Guidance", "all": 2.0, "text+chords": 0.5}
    saved = Jasco.from_config(config).save_pretrained(tmp_path / "model")
    again = Jasco.from_pretrained(saved)
    assert again.solver.settings() == {"name": "heun", "steps": 9}
    assert dict(again.guidance) == {"all": 2.0, "text+chords": 0.5}
    assert isinstance(again.guidance, Guidance)


def test_the_codec_is_one_that_transformers_loads(tiny, folder):
    from transformers import EncodecModel

    codec = EncodecModel.from_pretrained(folder / "codec")
    wav = torch.randn(1, 1, 6400, generator=torch.Generator().manual_seed(0))
    assert torch.equal(codec.encoder(wav), tiny.codec.model.encoder(wav))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("network.norm.bias"), "missing: network.norm.bias"),
        (lambda t: t.update(stranger=torch.zeros(2)), "left over: stranger"),
        (
            lambda t: t.update({"network.norm.bias": torch.zeros(3)}),
            r"wrong shape: network.norm.bias \(3,\) instead of \(64,\)",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(copied, change, message):
    edit_tensors(copied, change)
    with pytest.raises(CheckpointError, match=message):
        Jasco.from_pretrained(copied)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.run",
        "jasco.checkpoint.os.system",
        "jasco.checkpoint.save",
        "jasco.checkpoint.HubOptions",
        "jasco.errors.JascoError",
        "jasco.model.nn.Linear",
        "torch.nn.Linear",
        "jasco..model.Jasco",
        "jasco",
        "",
        None,
        7,
    ],
)
def test_a_foreign_target_is_refused_before_anything_runs(copied, target, tmp_path):
    witness = tmp_path / "witness"

    def change(config):
        config["model"]["conditioners"]["chords"] = {
            "_target_": target,
            "command": f"touch {witness}",
        }

    edit_config(copied, change)
    with pytest.raises(CheckpointError, match="nothing else is run"):
        Jasco.from_pretrained(copied)
    assert not witness.exists()


@pytest.mark.parametrize("key", ["_partial_", "_args_", "_recursive_"])
def test_other_keys_of_hydra_are_refused(copied, key):
    edit_config(copied, lambda config: config["model"]["network"].update({key: True}))
    with pytest.raises(CheckpointError, match=key):
        Jasco.from_pretrained(copied)


def test_interpolations_are_refused(copied):
    edit_config(copied, lambda c: c["model"]["codec"].update(revision="${oc.env:HOME}"))
    with pytest.raises(CheckpointError, match="interpolations"):
        Jasco.from_pretrained(copied)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda c: c["model"]["network"].update(depht=3), SettingError, "depht"),
        (lambda c: c["model"]["network"].update(heads=3), SettingError, "multiple of heads"),
        (lambda c: c.pop("model"), CheckpointError, "'model'"),
        (lambda c: c["solver"].update(steps=0), SettingError, "at least 1"),
        (lambda c: c.update(model=dict(c["model"]["network"])), SettingError, "not a Jasco"),
    ],
)
def test_configurations_that_cannot_be_built(copied, change, error, message):
    edit_config(copied, lambda c: c.setdefault("solver", {"_target_": "jasco.flow.Euler"}))
    edit_config(copied, change)
    with pytest.raises(error, match=message):
        Jasco.from_pretrained(copied)


@pytest.mark.parametrize("content", ["", "- 1", "model: 3", "model: {", "\x00"])
def test_a_config_that_is_not_one(copied, content):
    rewrite(copied / "config.yaml", content)
    with pytest.raises(CheckpointError, match="config.yaml"):
        Jasco.from_pretrained(copied)


def test_weights_cut_short(copied):
    path = copied / "model.safetensors"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        Jasco.from_pretrained(copied)


def test_an_empty_folder(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        Jasco.from_pretrained(tmp_path)


NOWHERE = [
    "./nowhere",
    "nowhere/at/all",
    "no such model",
    "a//b",
    "~nobody/x",
    "a" * 5000,
]
NOWHERE += ["a\0b", "\ud800", "owner/a\x1b[2J"]


@pytest.mark.parametrize("name", NOWHERE)
def test_what_is_neither_folder_nor_id(name):
    with pytest.raises(CheckpointError, match="no such folder"):
        Jasco.from_pretrained(name)


def test_an_empty_name_says_what_names_there_are():
    with pytest.raises(JascoError, match="the model is ''.*bundled.*Hub id.*folder"):
        Jasco.from_pretrained("")


@pytest.mark.parametrize("options", [{"local_files_only": True}, {}])
def test_an_id_that_is_not_in_the_cache_offline(tmp_path, options):
    with pytest.raises(CheckpointError, match="Hub was not reached"):
        Jasco.from_pretrained("facebook/jasco-chords-drums-1B", cache_dir=tmp_path, **options)


def test_the_revision_is_pinned(hub_cache):
    name, commit = "facebook/jasco-chords-drums-400M", "0" * 39 + "1"
    model = Jasco.from_pretrained(name, cache_dir=hub_cache)
    assert (model.name_or_path, model.revision) == (name, commit)
    nodes = model.config["model"]["codec"], model.config["model"]["conditioners"]["text"]
    assert [node["revision"] for node in nodes] == [commit, commit]
    assert [node["pretrained"] for node in nodes] == ["facebook/encodec_32khz", "t5-base"]
    with pytest.raises(CheckpointError, match="not in"):
        Jasco.from_pretrained(name, cache_dir=hub_cache, revision="f" * 40)


def test_without_its_text_encoder_a_checkpoint_names_it(hub_cache, tmp_path):
    model = Jasco.from_pretrained("facebook/jasco-chords-drums-400M", cache_dir=hub_cache)
    folder = model.save_pretrained(tmp_path / "model", text_encoder=False)
    assert not (folder / "text_encoder").exists()
    again = Jasco.from_pretrained(folder, cache_dir=hub_cache)
    before, after = model.state_dict(), again.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(CheckpointError, match="t5-base"):
        Jasco.from_pretrained(folder, cache_dir=tmp_path / "empty")


def test_the_card_keeps_the_licence_of_published_weights(hub_cache, tmp_path):
    model = Jasco.from_pretrained("facebook/jasco-chords-drums-400M", cache_dir=hub_cache)
    card = (model.save_pretrained(tmp_path / "model") / "README.md").read_text()
    assert "license: cc-by-nc-4.0" in card
    assert "base_model: facebook/jasco-chords-drums-400M" in card


def test_saving_replaces_a_checkpoint_and_nothing_else(tiny, folder, tmp_path):
    target = tiny.save_pretrained(tmp_path / "model")
    tiny.save_pretrained(target)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        tiny.save_pretrained(tmp_path / "letters")
    assert (tmp_path / "letters" / "dear.txt").read_text() == "dear"


def test_a_codec_of_this_machine_is_named_by_its_place_inside(tiny, codec_folder, tmp_path):
    config = copy.deepcopy(tiny.config)
    config["model"]["codec"] = {
        "_target_": "jasco.codec.EnCodec",
        "pretrained": str(codec_folder),
        "latent_mean": 0.25,
    }
    model = Jasco.from_config(config)
    saved = model.save_pretrained(tmp_path / "model")
    assert str(codec_folder) not in (saved / "config.yaml").read_text()
    assert model.config["model"]["codec"]["pretrained"] == str(codec_folder)
    again = Jasco.from_pretrained(saved, device="cpu", dtype="float32")
    assert again.codec.fingerprint() == model.codec.fingerprint()
    assert float(again.codec.mean) == 0.25


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_stored_in_half_are_those_rounded(tiny, folder, dtype, tmp_path):
    saved = tiny.save_pretrained(tmp_path / "model", dtype=dtype)
    files = [p.relative_to(folder) for p in folder.rglob("*.safetensors")]
    sizes = [sum((where / f).stat().st_size for f in files) for where in (folder, saved)]
    assert len(files) == 3 and sizes[1] < 0.55 * sizes[0]
    again = Jasco.from_pretrained(saved, device="cpu", dtype="float32").state_dict()
    for name, before in tiny.state_dict().items():
        assert again[name].dtype == before.dtype  # computed with as before
        assert torch.equal(again[name], before.to(getattr(torch, dtype)).to(before.dtype)), name


def test_weights_beyond_the_range_of_a_format_are_refused(tiny, tmp_path):
    model = copy.deepcopy(tiny)
    with torch.no_grad():
        model.network.output.weight[0, 0] = 1e5
    with pytest.raises(SettingError, match="network.output.weight goes beyond .* bfloat16"):
        model.save_pretrained(tmp_path / "model", dtype="float16")
    with pytest.raises(SettingError, match="float32, bfloat16, float16, not as 'int8'"):
        model.save_pretrained(tmp_path / "model", dtype="int8")
    assert not [*tmp_path.iterdir()]
    model.save_pretrained(tmp_path / "model", dtype="bfloat16")


def test_a_card_of_ones_own_stays(tiny, tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "README.md").write_text("# Mine")
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        tiny.save_pretrained(target)
    for _ in range(2):
        tiny.save_pretrained(target, card=(target / "README.md").read_text())
        assert (target / "README.md").read_text() == "# Mine"


def test_a_folder_that_cannot_be_written(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="could not be written"):
        tiny.save_pretrained(tmp_path / "file" / "model")


def test_a_full_disk_leaves_nothing(folder, tmp_path):
    """A file size limit stands for a full disk: the write fails half way."""
    script = (
        "import resource, signal, sys\n"
        "from jasco.model import Jasco\n"
        "model = Jasco.from_pretrained(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "model.save_pretrained(sys.argv[2])\n"
    )
    target = tmp_path / "target" / "model"
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(target)], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "could not be written" in run.stderr
    assert list(target.parent.iterdir()) == []


def test_read_tells_what_it_read(folder):
    found = checkpoint.read(folder, HubOptions())
    assert found.provided_by_parts == ("codec.model.", "conditioners.text.encoder.")
    assert not any(name.startswith(found.provided_by_parts) for name in found.tensors)
