"""README and docs: code blocks run, tables match the package, links lead to files.

Blocks run as they stand, but for the length of long songs and the number of takes to choose from.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from blocks import PAGES, README, Block, blocks, commands
from checkout import changes, clone_checkout, copy_checkout, machine_paths
from warm import run_python, run_words, words_of

from jasco import ChordProgression, Melody, load_audio
from jasco.audio import Audio, read_recipe
from jasco.cli.doctor import EXTRAS
from jasco.config import compose_config
from jasco.extract.onsets import FRAME_RATE, onset_strength
from jasco.extract.tempo import autocorrelation
from jasco.io.assets import asset
from jasco.metrics.signal import measure

ROOT = Path(__file__).resolve().parents[2]
CI = (ROOT / ".ci" / "run").read_text()


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the table in a section of a page, cell by cell, without backquotes."""
    section = PAGES[page].split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[cell.strip().strip("`").replace("\\|", "|") for cell in row] for row in cells]


def is_ours(command: str) -> bool:
    return shlex.split(command)[0].startswith("jasco-")


def is_script(command: str) -> bool:
    """The two commands that install, and then generate or run these tests."""
    return command.startswith("bash scripts/")


CODE = [block for block in blocks() if block.language == "python"]
SHELL = [block for block in blocks() if block.language == "bash"]
SHOWN = [block for block in SHELL if any(map(is_ours, commands(block)))]
FIRST = next(block for block in SHOWN if block.page == "docs/generation.md")
# A block with which another begins is run there.
OURS = [
    block
    for block in SHOWN
    if not any(
        commands(other)[: len(commands(block))] == commands(block)
        for other in SHOWN
        if other is not block
    )
]
CUTS = {"--duration 30": "--duration 15", "--best-of 4": "--best-of 2"}
FIRST_SONG = 'jasco-generate "warm 80s synth-pop, driving bass"'
SONG = (ROOT / "scripts" / "song.sh").read_text()


@pytest.fixture(scope="module")
def first_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(ROOT, tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def checkout(first_checkout: Path, tmp_path: Path) -> Path:
    """A fresh checkout: nothing is there but the project's own files."""
    return clone_checkout(first_checkout, tmp_path)


@contextmanager
def unchanged(checkout: Path) -> Iterator[None]:
    """What is written within is sound, and nothing that git would add."""
    before = {path.name for path in checkout.iterdir()}
    yield
    for path in checkout.iterdir():
        if path.suffix in (".wav", ".flac", ".mp3") and path.name not in before:
            audio, _ = soundfile.read(path)
            assert len(audio) and np.abs(audio).max() > 0
    assert changes(checkout) == []
    assert machine_paths(checkout) == []


def run(block: Block, checkout: Path, environment: dict[str, str]) -> None:
    """Run the commands of a block, in a shell where one of ours needs it."""
    found = commands(block)
    if any(is_ours(command) and words_of(command) is None for command in found):
        found = ["\n".join(found)]
    for command in found:
        for shown, cut in CUTS.items():
            command = command.replace(shown, cut)
        words = words_of(command)
        if words is None:
            script = ["bash", "-euc", command]
            done = subprocess.run(
                script, cwd=checkout, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            run_words(words, checkout, environment)


@pytest.mark.parametrize("place", dict.fromkeys(block.place for block in CODE))
def test_the_python_of_a_section_runs(
    place: str, checkout: Path, environment: dict[str, str]
) -> None:
    # A traceback shows the line of the page.
    lines = [""] * max(len(page.splitlines()) for page in PAGES.values())
    for block in CODE:
        if block.place == place:
            text = block.text.splitlines()
            lines[block.line - 1 : block.line - 1 + len(text)] = text
    with unchanged(checkout):
        run_python("\n".join(lines), checkout, environment)


@pytest.mark.parametrize("block", OURS, ids=lambda block: f"{block.place}, line {block.line}")
def test_a_block_of_commands_runs_in_a_fresh_checkout(
    block: Block, checkout: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    if "jasco-synthesize" in block.text:
        request.getfixturevalue("soundfont")
    with unchanged(checkout):
        run(block, checkout, environment)
    if commands(block)[0] == commands(FIRST)[0]:
        check_first_song(load_audio(checkout / "song.flac"))
    if FIRST_SONG in block.text and "--check" in block.text:
        check_first_scores(read_recipe(checkout / "song.flac")["scores"])


def check_first_song(song: Audio) -> None:
    """Ten seconds at their loudness, without faults of the signal, and with a steady beat."""
    found = measure(song)
    assert song.duration == pytest.approx(10.0)
    assert found["loudness"] == pytest.approx(-14.0, abs=0.5)
    assert found["true_peak"] < 0 and found["dc"] < 1e-3
    # The limiter may hold a top for a few samples; hard clipping has hundreds of them.
    assert found["clipping"] < 1e-4 and found["silence"] == 0
    # Onsets come again after a beat of 96 a minute, and between two such beats they do not.
    assert pulse(song, 60 / 96) > 0.8 > 0.3 > pulse(song, 60 / 96 * 0.8)


def check_first_scores(found: dict[str, float]) -> None:
    """The README states the scores of the first song."""
    stated = {
        "chords.majmin": 0.01 * int(re.search(r"match in (\d+) % of the\s+time", README)[1]),
        "drums.f1": float(re.search(r"have an F1 of (\.\d+)", README)[1]),
        "melody.pitch_class": 0.01 * int(re.search(r"pitch class in (\d+) %", README)[1]),
    }
    assert {name: found[name] for name in stated} == pytest.approx(stated, abs=0.03)


def pulse(audio: Audio, period: float) -> float:
    """Autocorrelation of the onset strength after a period (s), as a part of its variance.

    The mean is taken out and the curve smoothed over 75 ms; the lag may be off by 20 ms.
    """
    found = autocorrelation(onset_strength(audio))
    lag, slack = round(period * FRAME_RATE), round(0.02 * FRAME_RATE)
    return float(found[lag - slack : lag + slack + 1].max() / found[0])


def test_the_samples_have_a_beat_and_no_faults() -> None:
    folder = asset("samples")
    for name in ("beat.ogg", "song.mp3"):
        audio = load_audio(folder / name)
        found = measure(audio)
        assert audio.duration == pytest.approx(10.0, abs=0.05) and pulse(audio, 60 / 96) > 0.8
        assert found["true_peak"] < 0 and found["dc"] < 1e-3 and found["clipping"] == 0
    assert Melody.load(folder / "tune.mid").notices == ()
    assert json.loads((folder / "song.json").read_text())["description"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000


def test_every_other_command_is_run_by_ci() -> None:
    """Installing and testing cannot be run from a test: .ci/run does it."""
    others = [c for block in SHELL for c in commands(block) if not is_ours(c)]
    scripts = [command for command in others if is_script(command)]
    assert scripts == ["bash scripts/song.sh", "bash scripts/test.sh"]
    lines = {line.strip() for line in CI.splitlines()}
    assert scripts[1] in lines and any(line.startswith(f"{scripts[0]} ") for line in lines)
    assert {shlex.split(command)[0] for command in others} == {"bash", "cat", "kill", "mkdir"}


def test_the_song_of_the_script_is_the_first_of_the_docs() -> None:
    """CI makes it before anything optional is installed."""
    (command,) = commands(FIRST)
    assert command in SONG.replace("\\\n", " ")
    assert {"--drums", "--melody"} < set(shlex.split(command))
    assert CI.index("scripts/song.sh") < CI.index("scripts/test.sh")


def test_the_picture_of_the_first_screen_is_there() -> None:
    first_screen = README.split("\n## ")[0]
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", first_screen)
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
    for page, text in PAGES.items():
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text):
            assert (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"


def test_every_block_is_tested() -> None:
    assert {block.language for block in blocks()} <= {"python", "bash", "sh"}
    assert CODE and OURS
    # A job for a cluster cannot run here; its syntax and its own command can be checked.
    jobs = [block for block in blocks() if block.language == "sh"]
    for job in jobs:
        assert subprocess.run(["bash", "-nc", job.text]).returncode == 0
        words = shlex.split(job.text, comments=True)
        assert {"jasco-train", "jasco-prepare", "jasco.cli.train", "jasco-evaluate"} & set(words)


TRAINING = [
    command
    for block in blocks()
    if block.language == "sh"
    for command in commands(block)
    if "train" in command
]


@pytest.mark.parametrize("command", TRAINING)
def test_the_settings_of_a_training_exist(command: str) -> None:
    words = shlex.split(command)
    start = next(k for k, word in enumerate(words) if word in ("jasco-train", "jasco.cli.train"))
    overrides = [word for word in words[start + 1 :] if not word.startswith("-")]
    swept = [
        word if "[" in word else re.sub(r",.*", "", word)
        for word in overrides
        if not word.startswith("hydra")
    ]
    added = ["conditioners@add=[]"] if "experiment=finetune" in words else []
    config = compose_config(*swept, *added, config_name="train")
    assert config["data"].get("root") or config["name"] == "text"  # which writes its data itself
    assert config["trainer"]["max_steps"] > 0


EVALUATION = [
    command
    for block in blocks()
    if block.language == "sh"
    for command in commands(block)
    if command.startswith("jasco-evaluate")
]


@pytest.mark.parametrize("command", EVALUATION)
def test_the_settings_of_an_evaluation_exist(command: str) -> None:
    overrides = [word for word in shlex.split(command)[1:] if not word.startswith("-")]
    swept = [word if "[" in word else re.sub(r",.*", "", word) for word in overrides]
    config = compose_config(*swept, config_name="evaluate")
    assert config["checkpoint"] and config["data"]["root"]


def test_the_groups_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = dict(table("docs/index.md", "Install"))
    assert list(groups) == list(project["optional-dependencies"])
    assert groups == EXTRAS | {name: groups[name] for name in ("all", "docs", "dev")}


@pytest.mark.parametrize("text, options, names", table("docs/charts.md", "Notation"))
def test_a_chord_example_is_read_as_it_says(text: str, options: str, names: str) -> None:
    call = ast.parse(f"f({options})", mode="eval").body
    assert isinstance(call, ast.Call)
    keywords = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    assert " ".join(ChordProgression.parse(text, **keywords).names) == names
