"""The wheel, installed alone into an empty environment, works from another folder."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = subprocess.run(
        command, cwd=cwd, env=clean | environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a release is: from the source archive, not from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; the packages it needs are seen where this test has them."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, cwd=folder)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # Paths in a .pth file bring their packages, but not their own .pth files: the editable
    # installation of the checkout stays out of sight.
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    return folder


def test_it_holds_the_data_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "assets"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        assert files
        assert {f"jasco/{path.relative_to(ROOT).as_posix()}" for path in files} <= names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "conf/", "assets/"))]


def test_the_doctor_finds_all_that_is_needed(environment: Path, tmp_path: Path) -> None:
    report = json.loads(run(environment / "bin" / "jasco-doctor", "--json", cwd=tmp_path))
    assert report["ok"] is True
    places = {row["part"]: row["detail"] for row in report["report"]["core"]}
    for folder in ("conf", "assets"):
        place = Path(places[folder])
        assert environment in place.parents and any(place.iterdir())


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_command_line_has_help(script: str, environment: Path, tmp_path: Path) -> None:
    assert script in run(environment / "bin" / script, "--help", cwd=tmp_path)


def test_a_model_is_made_from_a_bundled_configuration(environment: Path, tmp_path: Path) -> None:
    code = """if True:
        import jasco
        from jasco.config import compose_config

        model = jasco.Jasco.from_config(compose_config("+model=tiny"))
        print(jasco.__file__, *model.controls)
    """
    place, *controls = run(environment / "bin" / "python", "-c", code, cwd=tmp_path).split()
    assert environment in Path(place).parents
    assert controls == ["text", "chords", "drums", "melody"]


def test_it_makes_music_without_network(environment: Path, tmp_path: Path) -> None:
    """The bundled model is the default; neither it nor the samples lie elsewhere."""
    empty = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), "OMP_NUM_THREADS": "1"}
    command = ("jasco-generate", "a slow flute", "--duration", "2", "--steps", "2")
    command += ("--drums", "sample:beat.ogg", "--melody", "sample:tune.mid")
    program = environment / "bin" / command[0]
    line = run(program, *command[1:], "-o", "song.flac", cwd=tmp_path, **empty)
    assert line.startswith("song.flac: seed ") and ", 2.00 s; load " in line
