"""Guidance distillation: its start and targets, one row an item, resuming, and refusals."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest
import runs
import torch

from jasco import checkpoint
from jasco.conditions import Conditions
from jasco.errors import Interrupted, SettingError
from jasco.flow import Euler, Guidance
from jasco.io.hub import HubOptions
from jasco.model import Jasco
from jasco.pipeline.reading import check_fit
from jasco.pipeline.request import Request
from jasco.training.flow.distillation import DistillationModule
from jasco.training.flow.module import JascoModule
from jasco.training.flow.objective import Objective
from jasco.training.flow.start import extend, student_model, teacher_network
from jasco.training.optim import Optimization

RANGES = {"all": [0.5, 4.0], "chords": [0.0, 2.0]}
CLIPS = [
    Conditions(text="one", chords=[("C", 0.0), ("Am", 0.4)]),
    Conditions(text="two"),
    Conditions(chords=[("G", 0.0)]),
]
WEIGHTS = torch.tensor([[2.5, 1.0], [4.0, 0.0], [0.5, 2.0]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint to distil, whose own guidance is within `RANGES`."""
    model = runs.new_model("+guidance=all_and_chords", "model.conditioners.text.finetune=true")
    return str(model.save_pretrained(tmp_path_factory.mktemp("teacher") / "model"))


@pytest.fixture(scope="module")
def teacher(folder):
    return Jasco.from_pretrained(folder, device="cpu", dtype="float32")


def new_module(folder, **options):
    torch.manual_seed(0)  # of the embedding of the weights, as in `jasco-train`
    options = {"optim": Optimization(lr=1e-3, warmup=3, weight_decay=0.0), "seed": 3} | options
    return DistillationModule(student_model(folder, RANGES), teacher_network(folder), **options)


@pytest.fixture(scope="module")
def module(folder):
    """Student whose guidance weights have an effect, as after a training."""
    made = new_module(folder)
    generator = torch.Generator().manual_seed(2)
    made.model.network.guidance.mlp[-1].weight.data.normal_(std=0.5, generator=generator)
    return made


def point(clips, frames=50):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(len(clips), frames, 128, generator=generator), torch.rand(
        len(clips), generator=generator
    )


def batch_of(trainer):
    return trainer.datamodule.validation_clips(4)


@torch.no_grad()
def test_the_student_starts_as_the_conditional_network(folder, teacher):
    student = student_model(folder, RANGES).eval()
    settings = {"seed": 5, "solver": Euler(2)}
    expected = teacher.generate(CLIPS, **settings, guidance=1.0).latents
    for guidance in (1.0, Guidance(all=4, chords=2)):
        found = student.generate(CLIPS, **settings, guidance=guidance).latents
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    trained = {name for name, p in student.named_parameters() if p.requires_grad}
    assert trained == {name for name, _ in student.named_parameters() if "network." in name}


@torch.no_grad()
def test_targets_are_the_guided_velocity_of_the_teacher(module, teacher):
    z, t = point(CLIPS)
    found = module.guided(z, t, teacher.encode(CLIPS, 50), WEIGHTS)
    for k, (everything, chords) in enumerate(WEIGHTS.tolist()):
        encoded = teacher.encode([CLIPS[k]], 50)
        field = teacher.guided(encoded, Guidance(all=everything, chords=chords))
        torch.testing.assert_close(found[k], field(t[k], z[k : k + 1])[0], rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def data(folder, songs, tmp_path_factory):
    """Batch of clips as a run reads them, the last of which is padded."""
    trainer, _, _ = runs.fit(
        tmp_path_factory.mktemp("data"), songs, steps=1, module=new_module(folder)
    )
    return batch_of(trainer)


@torch.no_grad()
def test_the_error_is_that_to_the_guided_velocity(folder, data):
    """A new student gives the conditional velocity, and a silenced one nothing."""
    module = new_module(folder)
    conditions = module.encode(data)
    z = module.model.path.sample(data.noise, module.targets(data), data.t)
    ones, strong = torch.tensor([[1.0, 0.0]] * 4), torch.tensor([[3.0, 0.0]] * 4)
    error, scale = module.errors(data, conditions, ones)
    assert error.max() < 1e-8 < 1e-3 < scale.min()
    difference = 2 * (
        module.teacher(z, data.t, conditions)
        - module.teacher(z, data.t, conditions.keep(frozenset()))
    )
    error, _ = module.errors(data, conditions, strong)
    torch.testing.assert_close(error, difference.square().mean((1, 2)), rtol=1e-3, atol=1e-8)
    module.model.network.output.weight.zero_()
    error, scale = module.errors(data, conditions, strong)
    torch.testing.assert_close(error, scale)


@torch.no_grad()
def test_padding_does_not_count(module, data):
    conditions = module.encode(data)
    whole, _ = module.errors(data, conditions, WEIGHTS[[0, 1, 2, 0]])
    mask = torch.arange(data.mask.shape[1])[None] < torch.tensor([50, 50, 50, 20])[:, None]
    short, _ = module.errors(replace(data, mask=mask), conditions, WEIGHTS[[0, 1, 2, 0]])
    assert torch.equal(whole[:3], short[:3]) and whole[3] != short[3]


@torch.no_grad()
def test_one_row_an_item(module, tmp_path):
    model = module.model.eval()
    rows = []
    hook = model.network.register_forward_pre_hook(lambda m, args: rows.append(len(args[0])))
    settings = {"seed": [1, 2, 3], "solver": Euler(2)}
    out = model.generate(CLIPS, **settings, guidance=Guidance(all=2.5, chords=1.5))
    hook.remove()
    assert rows == [3, 3]
    assert out.recipe[0]["guidance"] == {"all": 2.5, "chords": 1.5}
    assert model.guidance == Guidance(all=2.5, chords=1.0)
    own = model.generate(CLIPS, **settings).latents
    assert (own - out.latents).abs().amax((1, 2)).min() > 1e-3
    alone = model.generate(CLIPS[1], seed=2, solver=Euler(2)).latents[0]
    torch.testing.assert_close(own[1], alone, rtol=0, atol=1e-4)
    each = [Guidance(all=2.5, chords=1.5), model.guidance, Guidance(all=1)]
    mixed = model.generate(CLIPS, **settings, guidance=each).latents
    torch.testing.assert_close(mixed[0], out.latents[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(mixed[1], own[1], rtol=0, atol=1e-4)
    assert (mixed[2] - own[2]).abs().max() > 1e-3
    for guidance in (5.0, {"all": 2, "text": 1}, {"all": 2, "chords": -1}):
        with pytest.raises(SettingError, match=r"distilled for all from 0\.5 to 4, chords from 0"):
            model.generate(CLIPS, guidance=guidance)

    again = Jasco.from_pretrained(
        model.save_pretrained(tmp_path / "m"), device="cpu", dtype="float32"
    )
    assert torch.equal(again.generate(CLIPS, **settings).latents, own)
    assert again.config["model"]["network"]["distilled_guidance"] == RANGES
    card = (tmp_path / "m" / "README.md").read_text()
    assert "one evaluation a step, for all from 0.5 to 4, chords from 0 to 2" in card


@torch.no_grad()
def test_an_interval_of_guidance(folder, module):
    """Plain sampling outside it needs all=1 within the ranges, which is known before any step."""
    rows = []
    hook = module.model.network.register_forward_pre_hook(lambda m, args: rows.append(len(args[0])))
    options = {"seed": 1, "solver": Euler(3)}
    found = module.model.generate(CLIPS[0], **options, guidance=Guidance(all=3, start=0.3, end=0.5))
    plain = module.model.generate(CLIPS[0], **options, guidance=Guidance(all=1))
    hook.remove()
    assert rows == [1] * 6 and (found.latents - plain.latents).abs().max() > 1e-3
    narrow = student_model(folder, {"all": [2, 4], "chords": [0, 2]})
    check_fit([Request.build({"text": "funk", "guidance": "all=3"})], narrow)
    request = Request.build({"text": "funk", "guidance": "all=3,end=0.5"})
    with pytest.raises(SettingError, match=r"guidance all=1: .* all from 2 to 4"):
        check_fit([request], narrow)


def test_the_command_line_refuses_weights_before_it_reads_a_file(module):
    for guidance in ("all=2,chords=1", None):
        check_fit([Request.build({"text": "funk", "guidance": guidance})], module.model)
    with pytest.raises(SettingError, match=r"guidance all=9: this model was distilled for all"):
        check_fit([Request.build({"text": "funk", "guidance": "all=9"})], module.model)


@torch.no_grad()
def test_points_of_the_students_own_trajectories(module, data):
    """They equal Euler's method to the time of each clip."""
    weighted = module.model.network.with_guidance(module.encode(data), WEIGHTS[[0, 1, 2, 0]])
    found = module.trajectory(data, weighted)
    for k, t in enumerate(data.t):
        item = weighted.select([k])
        solver = Euler(module.trajectory_steps)
        z = solver.solve(
            lambda s, z, t=t, item=item: t * module.model.network(z, s * t, item),
            data.noise[k : k + 1],
        )
        torch.testing.assert_close(found[k], z[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_stopped_run_resumes_bit_for_bit(share, folder, songs, tmp_path):
    def run(place, **options):
        made = new_module(folder, trajectory_share=share)
        options |= {"val_check_interval": 3, "limit_val_batches": 1.0, "module": made}
        return runs.fit(place, songs, steps=6, **options)

    _, _, straight = run(tmp_path / "straight")
    watch = runs.Watch(after=lambda step: step == 4 and os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted, match="saved at step 4"):
        run(tmp_path / "parts", watch=watch)
    torch.manual_seed(99)
    _, _, rest = run(tmp_path / "parts", resume=True)
    assert watch.losses + rest.losses == straight.losses
    ends = [runs.load(tmp_path / name) for name in ("straight", "parts")]
    assert ends[0]["global_step"] == 6 and runs.differences(*ends) == []
    assert not any("teacher" in name for name in ends[0]["state_dict"])


@pytest.fixture(scope="module")
def distilled(folder, songs, tmp_path_factory):
    """A run of 60 steps."""
    place = tmp_path_factory.mktemp("distilled")
    optim = Optimization(lr=3e-3, warmup=3, weight_decay=0.0)
    made = new_module(folder, objective=Objective(weighting="uniform"), optim=optim)
    options = {"val_check_interval": 10, "limit_val_batches": 1.0, "precision": "32-true"}
    trainer, module, watch = runs.fit(place, songs, steps=60, module=made, **options)
    return place, trainer, module, watch


def test_the_error_falls(distilled, folder):
    _, trainer, module, _ = distilled
    batch, weights = batch_of(trainer), WEIGHTS[[0, 1, 2, 0]]
    with torch.no_grad():
        before, after = (
            one.errors(batch, one.encode(batch), weights)[0] for one in (new_module(folder), module)
        )
    assert (after < before).all() and after.mean() < 0.6 * before.mean()
    assert module.model.network.guidance.mlp[-1].weight.abs().max() > 0
    logged = trainer.callback_metrics
    assert {"val/loss", "val/relative_error", "val/t/0.25-0.50"} <= logged.keys()
    (again,) = trainer.validate(module, datamodule=trainer.datamodule, verbose=False)
    assert again["val/relative_error"] == pytest.approx(
        float(logged["val/relative_error"]), rel=1e-5
    )


def test_its_checkpoint_is_a_model(distilled, folder, teacher):
    place, _, module, _ = distilled
    model = Jasco.from_pretrained(place, device="cpu", dtype="float32")
    assert model.config["source"]["distilled"] and model.guidance == teacher.guidance
    averaged = torch.load(place / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    for name, value in model.state_dict().items():
        assert torch.equal(averaged[f"model.{name}"], value)
    before = teacher.state_dict()
    for name, value in model.state_dict().items():
        assert name.startswith("network.") or torch.equal(value, before[name])
    for name, value in module.teacher.state_dict().items():
        assert torch.equal(value, before[f"network.{name}"])


def test_what_is_distilled_trains_no_further(distilled):
    place, trainer, module, _ = distilled
    with pytest.raises(SettingError, match="name the checkpoint that it was distilled from"):
        student_model(str(place))
    found = checkpoint.read(place, HubOptions())
    with pytest.raises(SettingError, match="name the checkpoint that it was distilled from"):
        extend(found, {}, (), 0.5)
    batch = batch_of(trainer)
    plain = JascoModule(module.model)
    with pytest.raises(SettingError, match="no conditional velocity to train"):
        plain.losses(batch, plain.encode(batch))


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"all": [3, 4], "chords": [0, 2]}, r"guidance all=2\.5,chords=1: .*all from 3 to 4"),
        ({"all": [1, 4]}, "guidance all=2.5,chords=1: "),
        ({"all": [4, 1], "chords": [0, 2]}, r"guidance range all=\[4, 1\]"),
    ],
)
def test_ranges_hold_the_own_guidance(ranges, message, folder):
    with pytest.raises(SettingError, match=message):
        student_model(folder, ranges)


def test_default_ranges_and_settings_out_of_range(folder, teacher):
    ranges = student_model(folder).network.guidance.ranges
    assert dict(ranges) == {"all": (0.0, 5.0), "chords": (0.0, 2.0)}
    with pytest.raises(SettingError, match=r"trajectory_share=1\.5"):
        new_module(folder, trajectory_share=1.5)
    with pytest.raises(SettingError, match="takes no guidance weights"):
        DistillationModule(teacher, teacher.network)
