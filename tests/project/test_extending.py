"""The recipes of docs/extending.md, followed for toys that take the place of new files."""

from __future__ import annotations

import importlib
import pickle
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import runs
import torch
from bands import Here
from lightning.pytorch import Trainer

from jasco import Conditions
from jasco.adherence import AdherenceReport, ControlExtractor, comparison, headlines, save_figure
from jasco.audio import Audio, save_audio
from jasco.band.dataset import EXACT, synthesize
from jasco.band.folder import Band
from jasco.checkpoint.codec import CodecSource
from jasco.chords import ChordProgression
from jasco.cli.generate import _parser
from jasco.control_value import ControlValue
from jasco.controls import CONTROLS, control_names, register
from jasco.controls.spec import ExtractorSpec, imported
from jasco.data.datamodule import SOURCES
from jasco.data.manifest import Recording
from jasco.data.prepared import PreparedDataset
from jasco.evaluation.items import Items
from jasco.evaluation.plan import Plan
from jasco.evaluation.run import evaluate
from jasco.evaluation.scoring import ExtractorConfig
from jasco.flow import SOLVERS, Euler, Guidance, registry, solvers
from jasco.flow.solvers import RungeKutta
from jasco.metrics import TAKE_METRICS, TakeMetric
from jasco.model import Jasco
from jasco.pipeline.reading import Sources
from jasco.pipeline.request import Request
from jasco.prepare import prepare
from jasco.prepare.stages.latents import LatentStage
from jasco.prepare.stages.stage import Stage
from jasco.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "tests" / "support" / "toy"
PACKAGES = ("", "controls", "conditioners", "adherence", "prepare.stages")
RATE = 32000


@pytest.fixture(scope="module")
def energy() -> Iterator[str]:
    """The toy control, whose files lie in their packages as far as Python can tell."""
    patch = pytest.MonkeyPatch()
    before = set(sys.modules)
    for name in PACKAGES:
        package = importlib.import_module(f"jasco.{name}".rstrip("."))
        folder = TOY.joinpath("jasco", *filter(None, name.split(".")))
        patch.setattr(package, "__path__", [*package.__path__, str(folder)])
    register("jasco.controls.energy")
    yield "energy"
    del CONTROLS["energy"]
    for name in set(sys.modules) - before:
        if name.startswith("jasco.") and name.endswith(".energy"):
            del sys.modules[name]
    imported.cache_clear()
    patch.undo()


@pytest.fixture(scope="module")
def model(energy: str) -> Jasco:
    """A tiny model with the control: the line of the recipe for its configuration."""
    line = "+model.conditioners.energy._target_=jasco.conditioners.energy.EnergyConditioner"
    model = runs.new_model(line, "+model.conditioners.energy.dim=${model.network.dim}")
    model.conditioners["energy"].project.weight.data.fill_(0.5)
    return model.eval()


@pytest.fixture(scope="module")
def folder(model: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model saved, and two songs that grow louder, prepared with the stage of the control."""
    folder = tmp_path_factory.mktemp("energy")
    codec = CodecSource(str(model.save_pretrained(folder / "model")))
    recordings = []
    for number in range(2):
        path = folder / f"{number}.wav"
        save_audio(path, swell(2.0, number).samples, RATE, loudness=None)
        recordings.append(Recording(path, {"text": f"a swell {number}"}))
    stages = [LatentStage(codec), imported(CONTROLS["energy"].stage)(codec)]
    summary = prepare(recordings, folder / "prepared", stages, Here(), progress=False)
    assert (summary.done, summary.quarantined) == (2, 0)
    return folder


def swell(seconds: float, seed: int = 0) -> Audio:
    noise = torch.randn(1, round(seconds * RATE), generator=torch.Generator().manual_seed(seed))
    return Audio(noise * torch.linspace(0.01, 0.2, noise.shape[1]), RATE)


# --- every registry covers every control ----------------------------------------------------------


@pytest.mark.parametrize("name", list(CONTROLS))
def test_every_part_of_a_control_is_there(name: str) -> None:
    from jasco.conditioners import Conditioner

    spec = CONTROLS[name]
    assert spec.name == name and name in control_names()
    assert issubclass(spec.value_class, ControlValue)
    assert issubclass(imported(spec.conditioner), Conditioner)
    stage = imported(spec.stage)
    assert issubclass(stage, Stage) and stage.name == name
    assert all(callable(spec.find_extractor(extractor)[1]) for extractor in spec.extractors)
    found = comparison(name)
    assert found.headline == found.shown[0] and headlines()[name] == f"{name}.{found.headline}"
    value = getattr(Conditions(**{name: found.example()}), name)
    assert found.obstacle(value) is None and found.requested(value, 1.0) is not None


def test_stages_of_all_controls_are_configured() -> None:
    from jasco.config import compose_config

    stages = compose_config("out=x", "audio_dir=x", config_name="prepare")["stage"]
    assert stages.keys() == {"latents", "bars", *CONTROLS}
    for name, spec in CONTROLS.items():
        assert stages[name]["_target_"] == spec.stage


# --- a control ------------------------------------------------------------------------------------


def test_the_control_has_the_files_of_the_recipe_and_no_more() -> None:
    files = {path.relative_to(TOY).as_posix() for path in TOY.rglob("*.py")}
    recipe = (ROOT / "docs" / "extending.md").read_text().partition("## A control")[2]
    recipe = recipe.partition("\n## ")[0]
    named = set(re.findall(r"^\| `(jasco/[\w/]+\.py)` \| (?!one line)", recipe, re.MULTILINE))
    assert named == files and len(files) <= 5
    lines = re.findall(r"^\| `[^`]+` \| one line: ", recipe, re.MULTILINE)
    assert len(lines) == 3


def test_a_request_gives_it(model: Jasco, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "rise.npy", np.linspace(0, 0.3, 50, dtype=np.float32))
    options = vars(_parser().parse_args(["a", "--energy", str(tmp_path / "rise.npy")]))
    assert options["energy"] == str(tmp_path / "rise.npy")
    given = {key: options[key] for key in ("text", "energy")}
    request = Request.build({**given, "output": "a.wav"})
    assert request.asked == ("text", "energy")
    clip = Sources(request).clip(1.0)
    clip = pickle.loads(pickle.dumps(clip))  # as workers of a DataLoader send it
    assert clip.asked == ("text", "energy") and clip.without("text").asked == ("energy",)
    taken = Request.build({"energy_from": str(folder / "0.wav")})
    assert Sources(taken).clip(1.0).energy.levels.shape == (100,)

    out = model.generate([clip, Conditions("a")], seed=7, solver=Euler(2))
    assert not torch.equal(out.latents[0], out.latents[1])
    recipe = Recipe.from_dict(out.recipe[0])
    torch.testing.assert_close(recipe.conditions.energy.levels, clip.energy.levels)
    again = model.generate(recipe.conditions, seed=7, solver=Euler(2))
    torch.testing.assert_close(again.latents, out.latents[:1], atol=1e-4, rtol=1e-4)


def test_it_is_prepared_and_trained_with(folder: Path, tmp_path: Path, model: Jasco) -> None:
    data = PreparedDataset(folder / "prepared")
    assert data.controls == ("energy",)
    levels = data.clip(0, 10, 60).conditions.energy.levels
    assert levels.shape == (60,) and levels[-1] > 2 * levels[0]
    fresh = Jasco.from_pretrained(folder / "model", dtype="float32")
    before = fresh.conditioners["energy"].project.weight.clone()
    without = ["chords", "drums", "melody"]
    options = {"batch_size": 2, "workers": 0, "without": without, "val_share": 0.0}
    runs.fit(tmp_path, folder / "prepared", steps=2, model=fresh.train(), data=options)
    assert not torch.equal(before, fresh.conditioners["energy"].project.weight)


def test_the_band_labels_it(soundfont: Path, folder: Path, tmp_path: Path) -> None:
    codec = CodecSource(str(folder / "model"))
    synthesize(Band(tmp_path, seconds=2.0), 1, Here(), codec=codec, progress=False)
    data = PreparedDataset(tmp_path / EXACT)
    assert data.controls == ("chords", "drums", "melody", "energy")
    clip = data.clip(0, 0, 50).conditions
    assert clip.asked == data.controls and clip.energy.levels.max() > 0


def test_a_take_is_compared_with_it(energy: str, tmp_path: Path) -> None:
    audio = swell(2.0)
    _, extract = CONTROLS["energy"].find_extractor()
    right = Conditions(energy=extract(audio))
    wrong = Conditions(energy=right.energy.levels.flip(0).numpy())
    reports = [AdherenceReport.check(audio, one, ControlExtractor(None)) for one in (right, wrong)]
    assert [round(report.score) for report in reports] == [1, -1]
    assert reports[0].plain() == {"energy.correlation": 1.0, "energy.error": 0.0}
    assert [line.split()[0] for line in reports[0].lines()] == ["energy", "requested", "extracted"]
    assert save_figure(tmp_path / "a.png", reports[0], audio).is_file()


def test_a_checkpoint_is_evaluated_with_it(
    model: Jasco, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a toy metric beside it, which is one file and one line."""
    monkeypatch.setitem(TAKE_METRICS, "crest", TakeMetric(f"{__name__}.crest"))
    items = Items(
        folder / "prepared",
        model,
        extracted=["energy"],
        without=["chords", "drums", "melody"],
    )
    plan = Plan(
        model=model,
        items=items,
        settings=("energy", "none"),
        seeds=(0,),
        extractor=ExtractorConfig(items.extracted, ("crest",)),
        solver=Euler(1),
        guidance=Guidance(all=1.0),
    )
    trainer = Trainer(
        accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    report = evaluate(plan, tmp_path, trainer, workers=0, dtype="float32")
    assert report is not None
    for setting in ("ceiling", "energy", "none"):
        scores = report["scores"][setting]
        assert {"energy.correlation", "energy.error", "crest.factor"} <= scores.keys()
    assert report["frozen"]["data"]["items"] == len(report["ranking"]) == 2
    assert "crest.factor" not in report["shuffled"]["energy"]


# --- a solver, a metric, an extractor -------------------------------------------------------------


def crest(audio: Audio) -> dict[str, float]:
    """Toy metric: peak over root mean square."""
    samples = audio.samples
    return {"factor": float(samples.abs().max() / samples.square().mean().sqrt().clamp(min=1e-9))}


@dataclass(frozen=True)
class Ralston(RungeKutta):
    """Toy solver: Ralston's method of order 2."""

    name: ClassVar[str] = "ralston"
    nodes: ClassVar[tuple[float, ...]] = (0.0, 2 / 3)
    matrix: ClassVar[tuple[tuple[float, ...], ...]] = ((), (2 / 3,))
    weights: ClassVar[tuple[float, ...]] = (1 / 4, 3 / 4)


def test_a_solver_is_a_file_and_a_line(monkeypatch: pytest.MonkeyPatch, tiny: Jasco) -> None:
    monkeypatch.setitem(SOLVERS, "ralston", Ralston)
    end = Ralston(40).solve(lambda t, z: -z, torch.ones(1, dtype=torch.float64))
    assert float(end) == pytest.approx(np.exp(-1), rel=1e-3)
    request = Request.build({"text": "a", "solver": "ralston", "steps": 2})
    out = tiny.generate("a", seed=7, solver=request.solver, duration=1.0)
    assert Recipe.from_dict(out.recipe[0]).solver["name"] == "ralston"
    # In a file of its own it needs the base classes alone, which know nothing of the table.
    assert SOLVERS is registry.SOLVERS and "SOLVERS" not in vars(solvers)


def extract_one_chord(audio: Audio) -> ChordProgression:
    """Toy extractor: C major throughout."""
    return ChordProgression(("C",), (0.0,), audio.duration)


def test_an_extractor_is_a_function_and_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toy = {"toy": ExtractorSpec(f"{__name__}.extract_one_chord")}
    monkeypatch.setitem(CONTROLS, "chords", replace(CONTROLS["chords"], extractors=toy))
    audio = swell(1.0)
    save_audio(tmp_path / "a.wav", audio.samples, RATE, loudness=None)
    request = Request.build({"chords_from": str(tmp_path / "a.wav")})
    assert Sources(request).clip(1.0).chords.names == ("C",)
    report = AdherenceReport.check(audio, Conditions(chords=[("C", 0.0)]), ControlExtractor(None))
    assert report.scores["chords.majmin"] == 1.0


class NoiseSource:
    """Toy data source: tracks of noise that are known by their number alone."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.tracks = [
            SimpleNamespace(id=f"{k}", num_frames=200, fields={"text": f"noise {k}"})
            for k in range(4)
        ]

    @classmethod
    def for_model(cls, root: Any, controls: Any, model: Jasco) -> NoiseSource:
        return cls(model.codec.latent_dim)

    def clip(self, index: int, start_frame: int, num_frames: int) -> SimpleNamespace:
        generator = torch.Generator().manual_seed(index)
        latents = torch.randn(200, self.dim, generator=generator)[start_frame:][:num_frames]
        return SimpleNamespace(latents=latents, length=num_frames, conditions=Conditions())


def test_a_data_source_is_a_class_and_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(SOURCES, ".noise", NoiseSource.for_model)
    (tmp_path / "a.noise").touch()
    model = runs.new_model()
    data = {"batch_size": 2, "workers": 0, "val_share": 0.0}
    data["without"] = ["chords", "drums", "melody"]
    trainer, _, watch = runs.fit(tmp_path, tmp_path / "a.noise", steps=2, model=model, data=data)
    assert trainer.global_step == 2 and all(np.isfinite(watch.losses))


def test_a_name_that_is_no_control_is_refused() -> None:
    from jasco.errors import ConditionError

    with pytest.raises(ConditionError, match="no control 'flute': the known ones are text, chords"):
        Conditions(**{"flute": 1})  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="flute"):
        _ = Conditions("a").flute  # type: ignore[attr-defined]
    values: dict[str, Any] = {"chords": [("C", 0.0)]}
    assert Conditions("a", others=values).chords.names == ("C",)
