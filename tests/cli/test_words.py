"""Overrides of the command lines: messages with cause, allowed values and quoting."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time

import pytest

from jasco.cli import evaluate, prepare, synthesize, train
from jasco.cli.help import describe
from jasco.cli.kinds import check_kind, check_nodes
from jasco.cli.words import read_words
from jasco.config import compose_config
from jasco.errors import SettingError
from jasco.io.assets import package_dir

FINETUNE = ("experiment=finetune", "init_from=somewhere", "data.root=somewhere")
EVALUATE = ("checkpoint=somewhere", "data.root=somewhere")
PREPARE = ("audio_dir=somewhere", "out=data")
SYNTHESIZE = ("out=band", "codec.name=somewhere")


@pytest.fixture
def said(tmp_path, monkeypatch, capfd):
    """The one line of a command line that fails, without the name of the program."""

    def run(program, *words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("JASCO_DEBUG", raising=False)
        monkeypatch.setattr(sys, "argv", [program.PROGRAM, *words])
        capfd.readouterr()
        code = program.main()
        errors = capfd.readouterr().err.splitlines()
        assert code == 1 and len(errors) == 1, errors
        start = f"{program.PROGRAM}: error: "
        assert errors[0].startswith(start)
        assert "hydra.cc" not in errors[0] and "full_key" not in errors[0]
        assert "search path" not in errors[0] and "shows where" not in errors[0]
        return errors[0].removeprefix(start)

    return run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        # absent
        (["data.root=x"], "give experiment=NAME, one of chords_drums,"),
        (["name=mine"], "data.root is not given: add data.root=VALUE (a folder of jasco-prepare"),
        (["name=mine", "data.root=x"], "no model is chosen: give experiment=NAME, or one of 1b"),
        (["experiment=finetune", "data.root=x"], "init_from is not given: add init_from=VALUE ("),
        (["experiment=finetune", "init_from=x"], "data.root is not given"),
        ([*FINETUNE, "data.root=null"], "data.root=null: give a text (a folder of jasco-prepare"),
        ([*FINETUNE, "init_from=null"], "init_from=null: give a text (demo, a folder"),
        ([*FINETUNE, "run=null"], "run=null: give a text"),
        ([*FINETUNE, "run="], "run= is empty: give run=FOLDER"),
        # of another kind
        ([*FINETUNE, "optim.lr=fast"], "optim.lr=fast: give a number"),
        ([*FINETUNE, "optim.lr=null"], "optim.lr=null: give a number"),
        ([*FINETUNE, "optim.betas=0.9"], "optim.betas=0.9: give a list of 2, as [a,b]"),
        ([*FINETUNE, "optim.betas=[0.9]"], "optim.betas=[0.9]: give a list of 2"),
        ([*FINETUNE, "trainer.max_steps=two"], "trainer.max_steps=two: give a whole number"),
        ([*FINETUNE, "trainer.max_steps=2.5"], "trainer.max_steps=2.5: give a whole number"),
        ([*FINETUNE, "data.batch_size=true"], "data.batch_size=true: give a whole number"),
        ([*FINETUNE, "data.text.merge=often"], "data.text.merge=often: give a number"),
        ([*FINETUNE, "data.without=drums"], "data.without=drums: give a list, as [a,b]"),
        ([*FINETUNE, "callbacks.ema.every=x"], "callbacks.ema.every=x: give a whole number"),
        ([*FINETUNE, "seed=abc"], "seed=abc: give a whole number"),
        ([*FINETUNE, "allow_new=melody"], "allow_new=melody: give a list"),
        ([*FINETUNE, "data.root=2024"], """in quotes: 'data.root="2024"'"""),
        ([*FINETUNE, "trainer=null"], "trainer=null: give one of auto, ddp, fsdp"),
        ([*FINETUNE, "data=null"], "data=null: give one of descriptions, everyday, "),
        # not there
        (["experiment=finetun"], "no experiment 'finetun': did you mean finetune? There are chord"),
        (["experiment=chord_drums"], "did you mean chords_drums?"),
        (["experiment=nothing"], "no experiment 'nothing': there are chords_drums, chords_drums_m"),
        (["experiment=musiccaps"], "no experiment 'musiccaps': there are chords_drums, chords_dr"),
        ([*FINETUNE, "optim=finetun"], "no optim 'finetun': did you mean finetune?"),
        ([*FINETUNE, "trainer=cpu"], "no trainer 'cpu': there are auto, ddp, fsdp"),
        ([*FINETUNE, "logger=[csv,tensorbord]"], "no logger 'tensorbord': did you mean tensor"),
        ([*FINETUNE, "data.rooot=x"], "no setting data.rooot: did you mean data.root?"),
        ([*FINETUNE, "+data.rooot=x"], "no setting data.rooot: did you mean data.root? data takes"),
        ([*FINETUNE, "optimm=finetune"], "no setting optimm: did you mean optim?"),
        ([*FINETUNE, "sead=3"], "no setting sead: did you mean seed?"),
        ([*FINETUNE, "callbacks.sampels.every=3"], "did you mean callbacks.samples.every?"),
        ([*FINETUNE, "flavour=3"], "no setting flavour: --help lists them, +flavour=VALUE adds"),
        ([*FINETUNE, "~flavour"], "no setting flavour"),
        ([*FINETUNE, "objective.dropout={all: 0.1}"], "with +, as +objective.dropout=VALUE"),
        ([*FINETUNE, "dropout.all=0.1"], "with +, as +objective.dropout.all=VALUE"),
        ([*FINETUNE, "optim.groups.text.lr=1"], "with +, as +optim.groups.text.lr=VALUE"),
        ([*FINETUNE, "objective.dropuot=1"], "objective.dropuot: did you mean objective.dropout?"),
        (["experiment=text", "init_from=x"], "init_from is a setting of experiment=distill or ev"),
        (["experiment=text", "conditioners@add=[melody]"], "is a setting of experiment=finetune"),
        ([*FINETUNE, "optim.lr=${nothing}"], "optim.lr: Interpolation key 'nothing' not found"),
        # not to be read
        ([*FINETUNE, "finetune"], "'finetune' is no setting: give KEY=VALUE"),
        ([*FINETUNE, "run=runs/a=b"], """once for the shell: 'run="runs/a=b"'"""),
        ([*FINETUNE, "run=runs/a [x]"], """once for the shell: 'run="runs/a [x]"'"""),
        ([*FINETUNE, "run=a(b"], """'run="a(b"'"""),
        ([*FINETUNE, "optim.lr=1e-5,5e-5"], "optim.lr=1e-5,5e-5 has several values: give optim"),
    ],
)  # fmt: skip
def test_train(words, message, said, tmp_path):
    assert message in said(train, *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("program", "words", "message"),
    [
        (evaluate, ["data.root=x"], "checkpoint is not given: add checkpoint=VALUE ("),
        (evaluate, ["checkpoint=demo"], "data.root is not given: add data.root=VALUE"),
        (evaluate, [*EVALUATE, "checkpoint=null"], "checkpoint=null: give a text (demo"),
        (evaluate, [*EVALUATE, "data.items=few"], "data.items=few: give a whole number or null"),
        (evaluate, [*EVALUATE, "metrics=chords"], "metrics=chords: give a list"),
        (evaluate, [*EVALUATE, "metrics=[]"], "metrics=[]: give some of chords, drums"),
        (evaluate, [*EVALUATE, "metrics=[flutes]"], "metrics=['flutes']: give some of chords"),
        (evaluate, [*EVALUATE, "threads=all"], "threads=all: give a whole number or null"),
        (evaluate, [*EVALUATE, "experiment=demo"], "no experiment 'demo': there are band, m"),
        (evaluate, [*EVALUATE, "experiment=musicaps"], "did you mean musiccaps?"),
        (evaluate, [*EVALUATE, "itmes=3"], "no setting itmes: did you mean data.items?"),
        (evaluate, [*EVALUATE, "solver=eular"], "no solver 'eular': did you mean euler?"),
        (evaluate, [*EVALUATE, "solver=euler", "solver.steps=ten"], "solver.steps=ten: give a"),
        (evaluate, [*EVALUATE, "run=a=b"], """'run="a=b"'"""),
        (prepare, ["audio_dir=x"], "out is not given: add out=VALUE (a folder, made where"),
        (prepare, ["audio_dir=mus/sub [x]", "out=data"], """'audio_dir="mus/sub [x]"'"""),
        (prepare, ["out=data"], "give either manifest=FILE.jsonl or audio_dir=FOLDER"),
        (prepare, [*PREPARE, "stages=latents"], "stages=latents: give a list"),
        (prepare, [*PREPARE, "stages=[lyrics]"], "no stage 'lyrics': give some of latents, bars"),
        (prepare, [*PREPARE, "executor=spark"], "no executor 'spark': there are local, ray"),
        (prepare, [*PREPARE, "executor.workers=all"], "executor.workers=all: give a"),
        (prepare, [*PREPARE, "audio_dirr=x"], "no setting audio_dirr: did you mean audio_dir?"),
        (prepare, [*PREPARE, "out=2024"], """in quotes: 'out="2024"'"""),
        (synthesize, ["songs=2"], "out is not given"),
        (synthesize, [*SYNTHESIZE, "songs=two"], "songs=two: give a whole number"),
        (synthesize, [*SYNTHESIZE, "seed=1.5"], "seed=1.5: give a whole number"),
        (synthesize, [*SYNTHESIZE, "seconds=long"], "seconds=long: give a number"),
        (synthesize, [*SYNTHESIZE, "songss=2"], "no setting songss: did you mean songs?"),
    ],
)  # fmt: skip
def test_the_others(program, words, message, said, tmp_path):
    assert message in said(program, *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("data.root=music", "data.root=music"),
        ("data.root=a b", "data.root=a b"),
        ("data.root=müsik/été", 'data.root="müsik/été"'),
        ("data.root=~/music", 'data.root="~/music"'),
        ("data.root=rock & roll!", 'data.root="rock & roll!"'),
        ("metrics=[chords,drums]", "metrics=[chords,drums]"),
        ("+dropout={melody: 0.5}", "+dropout={melody: 0.5}"),
        ("conditioners@add=[melody]", "conditioners@add=[melody]"),
        ("logger=null", "logger=[]"),
        ("callbacks=null", "~callbacks"),
        ("~callbacks.ema", "~callbacks.ema"),
        ("solver=null", "~solver"),
        ("callbacks.samples=null", "callbacks.samples=null"),
    ],
)
def test_what_can_be_read(word, read):
    assert read_words("jasco-train", [word]) == [read]


@pytest.mark.parametrize("value", ["a=b", "a [x]", "{a}", "it's", 'an "a"', "a\\b=c", "(a)", "$a'"])
def test_the_quotes_that_are_proposed_keep_the_value(value):
    with pytest.raises(SettingError) as error:
        read_words("jasco-train", [f"run={value}"])
    (word,) = shlex.split(str(error.value).partition("once for the shell: ")[2])
    assert read_words("jasco-train", [word]) == [word]
    words = ("experiment=overfit_tiny", "data.root=x", word)
    assert compose_config(*words, config_name="train")["run"] == value


def test_options_of_hydra_pass_and_others_end_in_2(capsys):
    words = ["--cfg", "job", "--multirun", "optim.lr=1,2"]
    assert read_words("jasco-train", words) == words
    with pytest.raises(SystemExit) as end:
        read_words("jasco-train", ["--experiment=text"])
    assert end.value.code == 2
    assert "are words without dashes, such as experiment=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        (1, int, True), (1, float, True), (1.5, int, False), (True, int, False), ("1", int, False),
        (None, int | None, True), ("a", str | None, True), (1, str | None, False),
        ([1, 2], list[int], True), ([1, "a"], list[int], False), (3, int | list[int], True),
        ([0.9, 0.95], tuple[float, float], True), ([0.9], tuple[float, float], False),
        ({"a": 1.0}, dict[str, float], True), ({"a": "b"}, dict[str, float], False),
        ([1], dict[str, float], False), ("anything", object, True),
    ],
)  # fmt: skip
def test_kinds(value, kind, fits):
    if fits:
        check_kind("key", value, kind)
    else:
        with pytest.raises(SettingError, match="^key="):
            check_kind("key", value, kind)


def test_all_bundled_configurations_have_values_of_the_right_kind():
    for experiment in ("chords_drums", "chords_drums_melody", "codec", "demo", "overfit_tiny"):
        words = (f"experiment={experiment}", "data.root=x")
        if experiment == "demo":
            words += ("model.codec.pretrained=x", "model.conditioners.text.pretrained=x")
        check_nodes(compose_config(*words, config_name="train"))
    for name, words in (("evaluate", EVALUATE), ("prepare", PREPARE), ("synthesize", SYNTHESIZE)):
        check_nodes(compose_config(*words, config_name=name))


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        ("train", ["finetune", "objective=NAME", "run: runs/${name}"], ["musiccaps", "spark"]),
        ("evaluate", ["musiccaps", "trainer=NAME", "items: 40"], ["finetune", "executor"]),
        ("prepare", ["executor=NAME", "latents", "audio_dir"], ["musiccaps", "wandb"]),
        ("synthesize", ["executor=NAME", "songs: 3000"], ["musiccaps", "wandb"]),
    ],
)  # fmt: skip
def test_help_is_of_the_program_and_quick(name, present, absent):
    """A second is many times what it takes, and a fraction of what importing torch takes."""
    code = "import sys; from jasco.cli.{0} import main; code = main(); "
    code += "print('torch' in sys.modules, 'hydra' in sys.modules); sys.exit(code)"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code.format(name), "--help"], capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith(f"jasco-{name} ")
    assert done.stdout.splitlines()[-1] == "False False"
    assert [text for text in present if text not in done.stdout] == []
    assert [text for text in absent if text in done.stdout] == []
    assert "_target_" not in done.stdout and max(map(len, done.stdout.splitlines())) < 120
    assert seconds < 5


def test_every_choice_has_a_word():
    for path in sorted(package_dir("conf").glob("*/*.yaml")):
        assert 10 < len(describe(path)) < 120, path
