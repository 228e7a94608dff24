"""``jasco-train``: training and fine-tuning, in a folder that the same command goes on with."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from jasco import checkpoint
from jasco.cli.config import run_hydra
from jasco.cli.errors import one_line_errors
from jasco.cli.run import begin_run, flat
from jasco.errors import Interrupted, JascoError, MissingPartError, SettingError
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
        from jasco.training.footprint import footprint
        from jasco.training.module import PRECISIONS, JascoModule
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"training needs {error.name}: pip install 'jasco[train]'"
        ) from error
    _quiet()
    config.run = HydraConfig.get().runtime.output_dir
    # What is added takes its width from a model that is not read yet.
    settings = {str(key): _plain(config[key], resolve=key != "add") for key in config}
    for key, value in flat(settings):
        if value == "???":
            raise SettingError(f"{key} is not given: add {key}=VALUE")
    run = Path(config.run)
    last = run / checkpoint.RUN_FILE
    data = _build(config.data)
    torch.manual_seed(config.seed)  # for weights that begin at random, the same on all ranks
    model = (
        Jasco.from_pretrained(last, device="cpu", dtype="float32").train()
        if last.is_file()
        else _first_model(config)
    )
    module = JascoModule(model, _build(config.optim), seed=config.seed)
    trainer = _trainer(config, run)
    if trainer.is_global_zero:
        begin_run(run, settings, goes_on=last.is_file())
        precision = PRECISIONS.get(str(trainer.precision), PRECISIONS["32-true"])
        averaged = "ema" in config.callbacks
        size = footprint(model, data.batch_size, precision, averaged=averaged)
        print(f"{run}: {', '.join(model.controls)}", *size.lines(), sep="\n", flush=True)
    trainer.fit(module, datamodule=data, ckpt_path=last if last.is_file() else None)
    if trainer.is_global_zero:
        print(f"{last}: step {trainer.global_step}")


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
    from jasco.training.checkpoint_io import WholeCheckpointIO

    return _build(
        config.trainer,
        callbacks=[_build(node) for node in config.callbacks.values()],
        logger=[_build(node) for node in config.logger.values()],
        plugins=[WholeCheckpointIO()],
        default_root_dir=str(run),
    )


def _build(node: DictConfig, **more: Any) -> Any:
    """What a node of the configuration describes.

    Raises:
        SettingError: keys or values that it does not take.
    """
    try:
        return instantiate(node, _convert_="all", **more)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, JascoError):
            raise cause from None
        raise SettingError(f"{node.get('_target_')} cannot be made: {cause or error}") from error


def _plain(node: Any, *, resolve: bool = True) -> Any:
    return OmegaConf.to_container(node, resolve=resolve) if OmegaConf.is_config(node) else node


def _quiet() -> None:
    """Leave only what means something to whoever trains."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (".*does not have many workers.*", ".*in eval mode at the start of training.*"):
        warnings.filterwarnings("ignore", message)


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
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
