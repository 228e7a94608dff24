"""``jasco-train``: training and fine-tuning, in a folder that the same command goes on with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from jasco import checkpoint
from jasco.cli.config import build_node, check_experiment, experiments, run_hydra
from jasco.cli.errors import one_line_errors
from jasco.cli.quiet import quiet_lightning
from jasco.cli.run import begin_run, flat
from jasco.errors import Interrupted, MissingPartError, SettingError
from jasco.hub import HubOptions
from jasco.model import Jasco

PROGRAM = "jasco-train"


def train(config: DictConfig) -> None:
    """Begin a run, or go on with the one in its folder.

    Raises:
        JascoError: what does not fit; before the first step where it shows by then.
        Interrupted: a signal asked to stop; all is saved.
    """
    try:
        import jasco.training.module  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"training needs {error.name}: pip install 'jasco[train]'"
        ) from error
    quiet_lightning(".*in eval mode at the start of training.*")
    config.run = HydraConfig.get().runtime.output_dir
    # What is added takes its width from a model that is not read yet.
    settings = {str(key): _plain(config[key], resolve=key != "add") for key in config}
    for key, value in flat(settings):
        if value == "???":
            raise SettingError(f"{key} is not given: add {key}=VALUE")
    run = Path(config.run)
    last = run / checkpoint.RUN_FILE
    data = build_node(config.data)
    torch.manual_seed(config.seed)  # for weights that begin at random, the same on all ranks
    goes_on = last.is_file()
    module, size = _part_module(config) if "module" in config else _model_module(config, data, last)
    trainer = _trainer(config, run)
    if trainer.is_global_zero:
        begin_run(run, settings, goes_on=goes_on)
        print(f"{run}: {size[0]}", *size[1:], sep="\n", flush=True)
    trainer.fit(module, datamodule=data, ckpt_path=last if goes_on else None)
    if trainer.is_global_zero:
        print(f"{last}: step {trainer.global_step}")


def _model_module(config: DictConfig, data: Any, last: Path) -> tuple[Any, list[str]]:
    """The module of a model, new or of the run's last checkpoint, and its size in words."""
    from jasco.training.footprint import footprint
    from jasco.training.module import PRECISIONS, JascoModule

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
    from jasco.training.finetune import fresh_model, pretrained_model

    if "init_from" not in config:
        nodes = ("model", "solver", "guidance", "dropout")
        return fresh_model({key: _plain(config[key]) for key in nodes if config.get(key)})
    found = checkpoint.read(config.init_from, HubOptions())
    with open_dict(config):
        config.model = found.config["model"]  # new controls take their width from it
    return pretrained_model(
        found,
        add=_plain(config.get("add") or {}),
        allow_new=_plain(config.allow_new),
        dropout=_plain(config.dropout),
        new_dropout=config.new_dropout,
    )


def _trainer(config: DictConfig, run: Path) -> Any:
    from jasco.training.callbacks import StepBar
    from jasco.training.checkpoint_io import WholeCheckpointIO

    bar = [StepBar()] if config.trainer.enable_progress_bar else []
    return build_node(
        config.trainer,
        callbacks=[build_node(node) for node in config.callbacks.values()] + bar,
        logger=[build_node(node) for node in config.logger.values()],
        plugins=[WholeCheckpointIO()],
        default_root_dir=str(run),
    )


def _plain(node: Any, *, resolve: bool = True) -> Any:
    return OmegaConf.to_container(node, resolve=resolve) if OmegaConf.is_config(node) else node


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    if not any(word.startswith(("experiment=", "name=", "-")) for word in sys.argv[1:]):
        known = ", ".join(experiments("name"))
        raise SettingError(f"give experiment=NAME, one of {known}; --help lists more")
    check_experiment(PROGRAM, "name", sys.argv[1:])
    try:
        run_hydra("train", train)
    except Interrupted as stop:
        if stop.rank:  # one says it for all
            return 0
        print(f"{PROGRAM}: {stop}", file=sys.stderr)
        return 128 + stop.signal
    return 0


if __name__ == "__main__":
    sys.exit(main())
