"""``jasco-train``: training and fine-tuning, in a folder from which the same command resumes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.cli.errors import one_line_errors
from jasco.cli.help import print_help
from jasco.errors import Interrupted, MissingPartError

if TYPE_CHECKING:
    from omegaconf import DictConfig

PROGRAM = "jasco-train"
GROUPS = {
    "data": "Data",
    "trainer": "Devices",
    "objective": "Objective of flow matching",
    "optim": "Optimiser",
    "adapter": "Adapter of experiment=finetune",
    "callbacks": "Beside the steps",
    "logger": "Logs, one or several as logger=[NAME,NAME]",
    "module": "Training modules",
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
    "adapter.rank": int,
    "adapter.alpha": float | None,
    "adapter.dropout": float,
    "adapter.targets": list[str],
    "adapter.rslora": bool,
    "adapter.dora": bool,
    "adapter.base_dtype": str,
    "adapter.stored": str,
    "guidance_ranges": Mapping[str, list[float]] | None,
    "objective.dropout": Mapping[str, float],
    "callbacks": Mapping[str, Any] | None,
    "logger": Mapping[str, Any] | None,
}


def train(config: DictConfig) -> None:
    """Start a run, or resume the one in its folder.

    Raises:
        JascoError: settings or data that do not fit; before the first step where it shows by then.
        Interrupted: a signal asked to stop; the run is saved.
    """
    from omegaconf import open_dict

    from jasco.cli.hydra_program import is_sweep, read_settings, run_folder
    from jasco.config import plain

    with open_dict(config):
        config.run = str(run_folder(config))
        for group in ("callbacks", "logger"):  # null, or ~GROUP, or one of them null
            found = config.get(group) or {}
            config[group] = {name: node for name, node in found.items() if node is not None}
    settings = read_settings(config, KINDS)
    try:
        import jasco.training.module  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"training needs {error.name}: pip install 'jasco[train]'"
        ) from error
    from jasco.checkpoint import RUN_FILE
    from jasco.cli.kinds import check_nodes
    from jasco.cli.quiet import quiet_lightning
    from jasco.cli.teardown import first_error
    from jasco.runs import begin_run
    from jasco.training.callbacks import LastValidation, Pace

    quiet_lightning(".*in eval mode at the start of training.*")
    check_nodes(settings)
    run = Path(settings["run"])
    last = run / RUN_FILE
    resume = last.is_file()
    pace = Pace()
    ends = [LastValidation()] if is_sweep() else []
    data, module, trainer = build_run(settings, pace, *ends)
    # Data that do not fit are refused here as in `fit`, but before anything is written.
    data.trainer = trainer
    trainer.strategy.connect(module)
    data.setup("fit")
    if trainer.is_global_zero:
        averaged = "ema" in settings["callbacks"]
        size = module.size(data.batch_size, str(trainer.precision), averaged=averaged)
        # Nodes of the module that stand for others are kept as references to them.
        kept = settings | {"module": plain(config.module, resolve=False)}
        notes = begin_run(run, kept, resume=resume)
        print(f"{run}: {settings['name']}", *size, *notes, sep="\n", flush=True)
    with first_error():
        trainer.fit(module, datamodule=data, ckpt_path=last if resume else None)
    if trainer.is_global_zero:
        print(f"{last}: step {trainer.global_step}{pace.suffix()}")


def build_run(settings: Mapping[str, Any], *callbacks: Any) -> tuple[Any, Any, Any]:
    """Data module, module and trainer of a run.

    Args:
        settings: configuration of the run, plain data.
        callbacks: callbacks of the program itself.
    """
    import torch

    from jasco.config import build_node
    from jasco.training.callbacks import LastMetrics, StepBar
    from jasco.training.checkpoint_io import AtomicCheckpointIO
    from jasco.training.sharding import check_sharding

    torch.manual_seed(settings["seed"])  # of initial weights, the same on all ranks
    data = build_node(settings["data"])
    module = build_node(settings["module"])
    module.configure_data(data)
    own = [LastMetrics(), *callbacks]
    if settings["trainer"]["enable_progress_bar"]:
        own.append(StepBar())
    trainer = build_node(
        settings["trainer"],
        callbacks=[build_node(node) for node in settings["callbacks"].values()] + own,
        logger=[build_node(node) for node in settings["logger"].values()],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=settings["run"],
    )
    check_sharding(trainer)
    return data, module, trainer


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    if print_help("train", GROUPS):
        return 0
    from jasco.cli.hydra_program import run_hydra

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
