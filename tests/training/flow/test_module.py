"""The training module: losses of the original, masks, groups of clips, and invalid settings."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import runs
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.conditions import Conditions
from jasco.controls import control_names
from jasco.data.clips import ClipBatch
from jasco.data.datamodule import JascoDataModule
from jasco.errors import JascoError, SettingError
from jasco.flow import LOSS_WEIGHTS
from jasco.flow.loss import squared_error
from jasco.melody import Melody
from jasco.model import Jasco
from jasco.training.callbacks import average_others
from jasco.training.flow.breakdown import LossBreakdown
from jasco.training.flow.module import JascoModule, correlation
from jasco.training.flow.objective import Objective
from jasco.training.optim import Optimization, warmup_cosine


def as_batch(conditions, latents, *, t=None, noise=None, mask=None, dropped=()):
    count, frames = latents.shape[:2]
    generator = torch.Generator().manual_seed(0)
    return ClipBatch(
        sample_ids=tuple(range(count)),
        conditions=tuple(conditions),
        dropped={name: torch.full((count,), name in dropped) for name in control_names()},
        mask=torch.ones(count, frames, dtype=torch.bool) if mask is None else mask,
        latents=latents,
        audio=None,
        t=torch.rand(count, generator=generator) if t is None else t,
        noise=torch.randn(latents.shape, generator=generator) if noise is None else noise,
    )


@pytest.mark.parametrize("weighting", LOSS_WEIGHTS)
@pytest.mark.parametrize("name", ["chords-drums", "chords-drums-melody"])
def test_golden_losses(name, weighting, shared, hub_cache):
    facts = json.loads((shared / "parity" / f"golden-{name}.json").read_text())
    golden = load_file(shared / "parity" / f"golden-{name}.safetensors")
    model = Jasco.from_pretrained(
        facts["name"], device="cpu", dtype="float32", cache_dir=hub_cache, local_files_only=True
    )
    clip = Conditions(
        text=facts["text"],
        chords=ChordProgression.from_pairs([tuple(pair) for pair in facts["chords"]]),
        drums=Audio(golden["drums_wav"].float(), 32000),
        melody=Melody.from_array(golden["melody"]) if "melody" in golden else None,
    )
    module = JascoModule(model, Objective(weighting=weighting))
    t = torch.tensor([facts["loss_t"]])
    latents = as_batch([clip], golden["train_latents"], t=t, noise=golden["z0"])
    wav = golden["train_wav"].float()[:, None]
    for batch in (latents, replace(latents, latents=None, audio=wav)):
        loss = module.training_step(batch, 0)
        assert loss.item() == pytest.approx(facts[f"loss_{weighting}"], rel=1e-5)


@pytest.fixture(scope="module")
def module():
    return JascoModule(runs.new_model().eval())


@pytest.fixture
def clips():
    chords = ChordProgression.from_pairs([("C", 0.0), ("Am", 0.4)])
    melody = Melody.from_rows(torch.arange(50) % 53, 50.0)
    return [Conditions(text="one", chords=chords, melody=melody), Conditions(text="two")]


def test_padding_does_not_count(module, clips):
    """What stands after the end of a track changes nothing in its loss but through attention."""
    latents = torch.randn(2, 50, 128)
    mask = torch.ones(2, 50, dtype=torch.bool)
    mask[0, 40:] = False
    batch = as_batch(clips, latents, mask=mask)
    encoded = module.encode(batch)
    null = module.model.encode([Conditions()], 50)
    for name in ("chords", "melody"):
        values = encoded.controls[name].values[0]
        difference = (values - null.controls[name].values[0]).abs().amax(dim=1)
        assert difference[40:].max() < 1e-6 < 1e-3 < difference[:40].min()
    losses = module.losses(batch, encoded)
    target = module.model.path.velocity(batch.noise, module.targets(batch))
    z_t = module.model.path.sample(batch.noise, module.targets(batch), batch.t)
    error = (module.model.velocity(z_t, batch.t, encoded) - target).square()
    expected = (1 + batch.t[0]) * error[0, :40].mean()
    assert losses[0].item() == pytest.approx(expected.item(), rel=1e-5)


def test_times_of_training_are_shifted(clips):
    module = JascoModule(runs.new_model().eval(), Objective(weighting="uniform", shift=3.0))
    batch = as_batch(clips, torch.randn(2, 50, 128), t=torch.tensor([0.5, 0.9]))
    with torch.no_grad():
        loss = module.training_step(batch, 0)
        moved = replace(batch, t=torch.tensor([0.25, 0.75]))
        expected = module.losses(moved, module.encode(moved)).mean()
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_a_shift_is_positive(shift):
    with pytest.raises(SettingError, match=f"objective.shift={shift}: give a positive number"):
        Objective(shift=shift)


def test_dropped_controls_are_at_their_null(module, clips):
    latents = torch.randn(2, 50, 128)
    without = module.losses(
        *with_conditions(module, as_batch(clips, latents, dropped=control_names()))
    )
    nothing = [Conditions(), Conditions()]
    expected = module.losses(*with_conditions(module, as_batch(nothing, latents)))
    torch.testing.assert_close(without, expected)
    given = module.losses(*with_conditions(module, as_batch(clips, latents)))
    assert not torch.allclose(given, expected, rtol=1e-3)


def with_conditions(module, batch):
    return batch, module.encode(batch)


def test_the_parts_that_do_not_train_are_shared_with_a_copy():
    import copy

    module = JascoModule(runs.new_model())
    copied = copy.deepcopy(module)
    assert copied.model.codec is module.model.codec
    assert copied.model.network is not module.model.network
    for one, other in zip(module.parameters(), copied.parameters(), strict=True):
        assert torch.equal(one, other)


def test_breakdown_by_groups():
    means = LossBreakdown(["loss", "t/0.00-0.25", "t/0.75-1.00", "with/chords", "without/chords"])
    losses = torch.tensor([1.0, 2.0, 6.0])
    means.add("loss", losses)
    means.add_times(losses, torch.tensor([0.1, 0.2, 1.0]))
    means.add("with/chords", losses, torch.tensor([True, False, True]))
    read = means.read(lambda sums: sums, torch.device("cpu"))
    assert read == {"loss": 3.0, "t/0.00-0.25": 1.5, "t/0.75-1.00": 6.0, "with/chords": 3.5}
    assert means.read(lambda sums: sums, torch.device("cpu")) == {}


def test_correlation_is_pearsons_over_real_frames():
    a, b = torch.randn(2, 3, 20, 8).unbind()
    mask = torch.ones(3, 20, dtype=torch.bool)
    mask[1, 10:] = False
    b[1, 10:] = 1e3
    found = correlation(a, b, mask)
    for k, frames in enumerate((20, 10, 20)):
        pair = torch.stack([a[k, :frames].flatten(), b[k, :frames].flatten()])
        assert found[k].item() == pytest.approx(torch.corrcoef(pair)[0, 1].item(), abs=1e-5)


def test_schedule():
    assert warmup_cosine(0, 4, 104) == 0.25 and warmup_cosine(3, 4, 104) == 1.0
    assert warmup_cosine(54, 4, 104) == pytest.approx(0.5)
    assert warmup_cosine(104, 4, 104) == pytest.approx(0.0, abs=1e-12)
    assert warmup_cosine(9999, 4, 104, 0.1) == pytest.approx(0.1)


def test_groups_of_the_optimiser(module):
    optim = Optimization(groups={"conditioners.melody": {"lr": 1e-2, "weight_decay": 0.0}})
    made = optim.optimizer(module.model.named_parameters())
    by_name = {group["name"]: group for group in made.param_groups}
    assert by_name["conditioners.melody"]["lr"] == 1e-2
    assert (by_name["model"]["lr"], by_name["model"]["weight_decay"]) == (1e-4, 0.1)
    count = sum(len(group["params"]) for group in made.param_groups)
    assert count == sum(p.requires_grad for p in module.parameters())
    with pytest.raises(SettingError, match="no parameter begins"):
        Optimization(groups={"flute": {"lr": 1.0}}).optimizer(module.model.named_parameters())


@pytest.mark.parametrize("values", [{"lr": 0.0}, {"warmup": -1}, {"min_lr_ratio": 2.0}])
def test_settings_out_of_range(values):
    with pytest.raises(SettingError, match="optim"):
        Optimization(**values)


def test_a_weighting_that_does_not_exist():
    with pytest.raises(
        SettingError, match=r"objective.weighting='linear': give uniform or increasing"
    ):
        Objective(weighting="linear")


@pytest.mark.parametrize(
    "windows", [{0: 1.0}, {"25": 1.0}, {True: 1.0}, {25: -1.0}, {25: float("nan")}]
)
def test_windows_out_of_range(windows):
    with pytest.raises(SettingError, match="objective.windows=.*lengths of 1 frame or more"):
        Objective(windows=windows)


def test_windows_count_in_training_alone(clips):
    """The further terms are those of `squared_error`; validation stays comparable without them."""
    model = runs.new_model().eval()
    batch = as_batch(clips, torch.randn(2, 50, 128))
    plain, windowed = (
        JascoModule(model, Objective(weighting="uniform", windows=windows))
        for windows in ({}, {10: 2.0, 50: 5.0})
    )
    with torch.no_grad():
        encoded = plain.encode(batch)
        z_1 = plain.targets(batch)
        z_t = model.path.sample(batch.noise, z_1, batch.t)
        error = model.velocity(z_t, batch.t, encoded) - model.path.velocity(batch.noise, z_1)
        expected = squared_error(error, windows={10: 2.0, 50: 5.0}).mean()
        torch.testing.assert_close(windowed.training_step(batch, 0), expected)
        assert plain.training_step(batch, 0) < expected
        torch.testing.assert_close(windowed.losses(batch, encoded), plain.losses(batch, encoded))


def test_dropout_of_the_objective_goes_before_that_of_the_model(songs):
    model = runs.new_model()
    module = JascoModule(model, Objective(dropout={"chords": 0.9, "chords+drums": 0.1}))
    expected = {**runs.DROPOUT, "chords": 0.9, "chords+drums": 0.1}
    assert module.dropout == model.config["dropout"] == expected
    data = JascoDataModule(songs)
    module.configure_data(data)
    assert data.dropout == expected


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_batch(where, songs, tmp_path):
    model = runs.new_model()
    if where == "loss":
        model.network.output.weight.data[0, 0] = float("nan")
    else:
        model.network.output.weight.register_hook(lambda gradient: gradient * float("inf"))
    before = {name: p.clone() for name, p in model.named_parameters()}
    with pytest.raises(JascoError, match=r"not finite at step 0: its batch is in .*step0-rank0"):
        runs.fit(tmp_path, songs, steps=5, model=model)
    for name, p in model.named_parameters():
        assert torch.equal(p.nan_to_num(), before[name].nan_to_num()), "the weights have changed"
    (path,) = tmp_path.glob("nonfinite-*.safetensors")
    with safe_open(path, "pt") as file:
        assert file.get_slice("latents").get_shape() == [4, 50, 128]
        assert [clip["number"] for clip in json.loads(file.metadata()["clips"])] == [0, 1, 2, 3]


def test_half_precision_is_refused(songs, tmp_path):
    with pytest.raises(SettingError, match="trainer.precision=bf16-true"):
        runs.fit(tmp_path, songs, steps=1, precision="bf16-true")


def test_bfloat16_keeps_loss_weights_and_average_in_float32(songs, tmp_path):
    trainer, module, watch = runs.fit(tmp_path, songs, steps=4, precision="bf16-mixed")
    assert all(p.dtype == torch.float32 for p in module.parameters())
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert all(v.dtype == torch.float32 for v in state.values() if v.is_floating_point())
    assert module.model.dtype == torch.bfloat16
    seen = []
    module.model.network.norm.register_forward_hook(lambda m, x, y: seen.append(x[0].dtype))
    with torch.autocast("cpu", torch.bfloat16):
        batch = trainer.datamodule.validation_clips(2)
        loss = module.losses(batch, module.encode(batch))
    assert loss.dtype == torch.float32 and seen == [torch.float32]


def test_evaluation_logs_every_group(songs, tmp_path):
    trainer, module, _ = runs.fit(
        tmp_path, songs, steps=4, val_check_interval=2, limit_val_batches=1.0
    )
    first = dict(trainer.callback_metrics)
    names = {f"val/without/{name}" for name in (*control_names(), "all")}
    assert names | {"val/loss", "val/t/0.00-0.25", "val/t/0.50-0.75"} <= first.keys()
    again = trainer.validate(module, datamodule=trainer.datamodule, verbose=False)[0]
    assert again["val/loss"] == pytest.approx(float(first["val/loss"]), rel=1e-6)
    tested = trainer.test(module, datamodule=trainer.datamodule, verbose=False)[0]
    assert tested["test/loss"] == pytest.approx(again["val/loss"], rel=1e-6)
    assert -1 <= tested["test/latent_correlation"] <= 1
    (made,) = trainer.predict(module, datamodule=trainer.datamodule)
    module.model.eval()
    again = module.model.generate(trainer.datamodule.validation_clips(4).conditions, seed=range(4))
    assert torch.equal(made["audio"], again.audio)


def test_an_average_leaves_shared_parts_alone():
    """Averaged with itself, a zero would lose its sign, and a codec its fingerprint."""
    shared, average, current = torch.tensor([-0.0, 1.0]), torch.zeros(2), torch.ones(2)
    average_others(0.75)([shared, average], [shared.detach(), current], 1)
    assert shared.signbit().tolist() == [True, False]
    assert average.tolist() == [0.25, 0.25]
    average_others(0.75)([shared], [shared.detach()], 1)
    assert shared.signbit().tolist() == [True, False]
