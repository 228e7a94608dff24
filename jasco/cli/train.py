"""``jasco-train``: training and fine-tuning, in a folder that the same command goes on with."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.cli.errors import one_line_errors
from jasco.cli.help import print_help
from jasco.errors import Interrupted, MissingPartError, SettingError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from jasco.model import Jasco

PROGRAM = "jasco-train"
GROUPS = {
    "data": "Data",
    "trainer": "Devices",
    "optim": "Optimiser and objective",
    "callbacks": "Beside the steps",
    "logger": "Logs, one or several as logger=[NAME,NAME]",
    "model": "Models",
    "codec@model.codec": "Codec of the model",
    "conditioners@model.conditioners": "Controls of the model, as a list",
    "solver": "Solver of the samples",
    "guidance": "Guidance of the samples",
    "discriminator@module.discriminator": "Discriminator of a codec, with + before the word",
}
KINDS = {
    "name": str,
    "run": str,
    "seed": int,
    "init_from": str,
    "allow_new": list[str],
    "new_dropout": float,
    "dropout": Mapping[str, float],
    "callbacks": Mapping[str, Any] | None,
    "logger": Mapping[str, Any] | None,
}


def train(config: DictConfig) -> None:
    """Begin a run, or go on with the one in its folder.

    Raises:
        JascoError: what does not fit; before the first step where it shows by then.
        Interrupted: a signal asked to stop; all is saved.
    """
    from omegaconf import open_dict

    from jasco.cli.hydra_program import read_settings, run_folder
    from jasco.config import build_node

    with open_dict(config):
        config.run = str(run_folder(config))
        for group in ("callbacks", "logger"):  # null, or ~GROUP, or one of them null
            found = config.get(group) or {}
            config[group] = {name: node for name, node in found.items() if node is not None}
    # What is added takes its width from a model that is not read yet.
    settings = read_settings(config, KINDS, apart=("add",))
    try:
        import torch

        import jasco.training.flow.module  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"training needs {error.name}: pip install 'jasco[train]'"
        ) from error
    from jasco import checkpoint
    from jasco.cli.kinds import check_nodes
    from jasco.cli.quiet import quiet_lightning
    from jasco.cli.teardown import first_error
    from jasco.runs import begin_run

    quiet_lightning(".*in eval mode at the start of training.*")
    check_nodes({key: node for key, node in settings.items() if key != "add"})
    run = Path(config.run)
    last = run / checkpoint.RUN_FILE
    data = build_node(config.data)
    torch.manual_seed(config.seed)  # for weights that begin at random, the same on all ranks
    resume = last.is_file()
    module, size = _part_module(config) if "module" in config else _model_module(config, data, last)
    trainer, pace = _trainer(config, run)
    if trainer.is_global_zero:
        notes = begin_run(run, settings, resume=resume)
        print(f"{run}: {size[0]}", *size[1:], *notes, sep="\n", flush=True)
    with first_error():
        trainer.fit(module, datamodule=data, ckpt_path=last if resume else None)
    if trainer.is_global_zero:
        print(f"{last}: step {trainer.global_step}{pace.suffix()}")


def _model_module(config: DictConfig, data: Any, last: Path) -> tuple[Any, list[str]]:
    """The module of a model, new or of the run's last checkpoint, and its size in words."""
    from jasco.config import build_node
    from jasco.model import Jasco
    from jasco.training.flow.module import PRECISIONS, JascoModule
    from jasco.training.footprint import footprint

    model = (
        Jasco.from_pretrained(last, device="cpu", dtype="float32").train()
        if last.is_file()
        else _first_model(config)
    )
    precision = PRECISIONS.get(str(config.trainer.precision), PRECISIONS["32-true"])
    size = footprint(model, data.batch_size, precision, averaged="ema" in config.callbacks)
    module = JascoModule(model, build_node(config.optim), seed=config.seed)
    return module, [", ".join(model.controls), *size.lines()]


def _part_module(config: DictConfig) -> tuple[Any, list[str]]:
    """The module of a part that a configuration describes whole, and its size in words."""
    from jasco.config import build_node

    module = build_node(config.module)
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in _parts(module)}
    counts = ", ".join(f"{name} {n / 1e6:.1f} M" for name, n in parts.items() if n)
    state = 4 * (4 + ("ema" in config.callbacks)) * sum(parts.values())
    memory = f"memory: {state / 1e9:.2f} GB and activations"
    return module, [str(config.name), f"trained: {counts}", memory]


def _parts(module: Any) -> Iterator[tuple[str, Any]]:
    for name, child in module.named_children():
        yield from child.named_children() if name == "model" else [(name, child)]


def _first_model(config: DictConfig) -> Jasco:
    """The model that a run begins with."""
    from omegaconf import open_dict

    from jasco import checkpoint
    from jasco.config import plain
    from jasco.io.hub import HubOptions
    from jasco.training.flow.finetune import fresh_model, pretrained_model

    if "init_from" not in config:
        nodes = ("model", "solver", "guidance", "dropout")
        return fresh_model({key: plain(config[key]) for key in nodes if config.get(key)})
    found = checkpoint.read(config.init_from, HubOptions())
    with open_dict(config):
        config.model = found.config["model"]  # new controls take their width from it
    return pretrained_model(
        found,
        add=plain(config.get("add") or {}),
        allow_new=plain(config.allow_new),
        dropout=plain(config.dropout),
        new_dropout=config.new_dropout,
    )


def _trainer(config: DictConfig, run: Path) -> tuple[Any, Any]:
    """The trainer of a run, and the callback that measures its pace."""
    from jasco.config import build_node
    from jasco.training.callbacks import LastMetrics, Pace, StepBar
    from jasco.training.checkpoint_io import AtomicCheckpointIO

    pace = Pace()
    own = [LastMetrics(), pace, *([StepBar()] if config.trainer.enable_progress_bar else [])]
    trainer = build_node(
        config.trainer,
        callbacks=[build_node(node) for node in config.callbacks.values()] + own,
        logger=[build_node(node) for node in config.logger.values()],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=str(run),
    )
    return trainer, pace


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    words = sys.argv[1:]
    if print_help(
        words,
        f"{PROGRAM} experiment=NAME data.root=DATA [KEY=VALUE ...]",
        "Trains a model, a codec or a text encoder in the folder run=FOLDER, or resumes "
        "the run in it.",
        "train",
        GROUPS,
    ):
        return 0
    from jasco.cli.hydra_program import run_hydra
    from jasco.cli.words import experiments

    if not any(word.startswith(("experiment=", "name=", "-")) for word in words):
        known = ", ".join(experiments("train"))
        raise SettingError(f"give experiment=NAME, one of {known}; --help lists more")
    try:
        run_hydra(PROGRAM, "train", train)
    except Interrupted as stop:
        if stop.rank:  # the first rank prints the message
            return 0
        print(f"{PROGRAM}: {stop}", file=sys.stderr)
        return 128 + stop.signal
    return 0


if __name__ == "__main__":
    sys.exit(main())
