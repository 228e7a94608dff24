"""Takes of the page: events of the work, its end, adapters and sessions."""

from __future__ import annotations

import zipfile
from pathlib import Path

import adapter_files
import pytest

from jasco.errors import JascoError
from jasco.pipeline.source import ModelSource
from jasco.studio import takes
from jasco.studio.models import Models
from jasco.studio.workspace import Workspace

PAGE = {"text": "funk", "chords": "C | F", "bpm": 120, "metre": "4/4", "bars": 1, "steps": 2}


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters") / "style"
    adapter_files.write(Models(ModelSource("demo")).get(), folder)
    return folder


@pytest.fixture(scope="module")
def models(style: Path) -> Models:
    return Models(ModelSource("demo", dtype="float32"), [str(style)])


def generated(page: dict, models: Models, workspace: Workspace) -> dict:
    *steps, take = takes.generate(page, models, workspace)
    assert [e["done"] for e in steps if e["event"] == "step"] == [1, 2]
    return take


def test_an_adapter_changes_one_take_and_not_the_next(models: Models) -> None:
    workspace, page = Workspace(), PAGE | {"seed": 3}
    plain = generated(page, models, workspace)
    styled = generated(page | {"adapter": {"name": "style", "scale": 0.5}}, models, workspace)
    again = generated(page, models, workspace)
    sound = {
        name: workspace.file(take["id"]).path.read_bytes()
        for name, take in (("plain", plain), ("styled", styled), ("again", again))
    }
    assert sound["plain"] == sound["again"] != sound["styled"]
    assert styled["recipe"]["adapters"][0]["scale"] == 0.5
    for wrong in ({"name": "../style", "scale": 1}, {"name": "style"}, "style"):
        with pytest.raises(JascoError, match="choose one that the studio offers"):
            list(takes.generate(page | {"adapter": wrong}, models, workspace))


def test_closing_ends_the_work_and_leaves_no_file(models: Models) -> None:
    workspace = Workspace()
    job = takes.generate(PAGE | {"steps": 50}, models, workspace)
    assert next(e for e in job if e["event"] == "step")["total"] == 50
    job.close()
    assert not [path for path in workspace.folder.iterdir()]


def test_the_best_of_several_has_its_report_and_a_session(models: Models) -> None:
    workspace = Workspace()
    page = PAGE | {"best_of": 2, "drums": {"pattern": "rock"}}
    *_, take = takes.generate(page, models, workspace)
    assert take["tried"] == 2
    lanes = take["report"]["lanes"]
    assert lanes["chords"][0]["chords"] == [[0.0, 2.0, "C"]]
    assert len(lanes["drums"][0]["onsets"]) >= 4
    project = takes.save_session_of(workspace.file(take["id"]), workspace, "my take")
    assert "project.xml" in zipfile.ZipFile(project.path).namelist()
    assert project.name == "my take.dawproject"


def test_another_model_is_one_of_those_that_are_offered(models: Models) -> None:
    *_, event = models.choose("demo")
    assert event["event"] == "model" and event["steps"] == models.get().solver.steps
    for name in ("elsewhere/model", 3, None):
        with pytest.raises(JascoError, match="choose one of"):
            list(models.choose(name))
    with pytest.raises(JascoError):  # it is not here, and there is no network
        list(models.choose("facebook/jasco-chords-drums-400M"))
    assert models.get().controls and models.name == "demo"


def test_another_model_is_read_from_the_cache_of_the_options(hub_cache: Path) -> None:
    own = Models(ModelSource("demo", cache_dir=str(hub_cache), local_files_only=True))
    *_, event = own.choose("facebook/jasco-chords-drums-400M")
    assert (event["name"], event["controls"]) == (
        "facebook/jasco-chords-drums-400M",
        ["text", "chords", "drums"],
    )
    assert own.hub.cache_dir == str(hub_cache) and own.hub.local_files_only
