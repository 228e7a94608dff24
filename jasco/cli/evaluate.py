"""``jasco-evaluate``: how far a checkpoint follows its controls, on a prepared dataset.

``jasco-evaluate checkpoint=demo data.root=prepared metrics=[chords,drums,melody] seed=0``. The
words are overrides of a Hydra configuration, which ``--help`` shows; ``--multirun`` sweeps.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from jasco.adherence import EXTRACTABLE
from jasco.cli.config import build_node, check_experiment, run_processes
from jasco.cli.errors import one_line_errors
from jasco.cli.quiet import quiet_lightning
from jasco.errors import MissingPartError, SettingError
from jasco.metrics.chords import require_mir_eval
from jasco.model import Jasco
from jasco.preprocess.chordino import find_chordino

PROGRAM = "jasco-evaluate"
METRICS = (*EXTRACTABLE, "signal", "chroma", "encodec", "clap")


def run(config: DictConfig) -> None:
    """Evaluate what a configuration names, and print what came of it.

    Raises:
        JascoError: what does not fit; before the first take where it shows by then.
    """
    try:
        from jasco.evaluation import text
        from jasco.evaluation.run import PAGE, REPORT, evaluate
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"evaluation needs {error.name}: pip install 'jasco[eval]'"
        ) from error
    quiet_lightning("predict returned None.*")
    settings: Any = OmegaConf.to_container(config, resolve=True)
    for key, value in (("checkpoint", settings["checkpoint"]), *settings["data"].items()):
        if value == "???":
            said = key if key == "checkpoint" else f"data.{key}"
            raise SettingError(f"{said} is not given: add {said}=VALUE")
    folder = Path(HydraConfig.get().runtime.output_dir)
    trainer = build_node(settings["trainer"])
    report = evaluate(
        _plan(settings),
        folder,
        trainer,
        workers=settings["workers"],
        dtype=settings["dtype"],
        published=settings["published"],
    )
    if report is not None:
        print(*text.lines(report), text.times(report), sep="\n")
        print(folder / REPORT, folder / PAGE, sep="\n")


def _plan(settings: dict[str, Any]) -> Any:
    from jasco.evaluation.embedding import CLAP, ENCODEC, Embedder
    from jasco.evaluation.items import Items
    from jasco.evaluation.judging import ExtractorConfig
    from jasco.evaluation.plan import Plan
    from jasco.evaluation.settings import expand
    from jasco.metrics.clap import DEFAULT, Clap

    metrics = settings["metrics"]
    unknown = [name for name in metrics if name not in METRICS]
    if unknown or not metrics:
        raise SettingError(f"metrics={metrics}: give some of {', '.join(METRICS)}")
    if "chords" in metrics:
        find_chordino()
        require_mir_eval()  # both before anything is made
    model = Jasco.from_pretrained(settings["checkpoint"], device="cpu", dtype="float32")
    data = settings["data"]
    items = Items(
        data["root"],
        model,
        heard=[name for name in metrics if name in EXTRACTABLE],
        count=data["items"],
        duration=data["duration"],
        without=data["without"],
    )
    clap = Clap.load(settings["clap"] or DEFAULT, device="cpu") if CLAP in metrics else None
    embedder = Embedder(model.codec if ENCODEC in metrics else None, clap)
    seed = settings["seed"]
    return Plan(
        model=model,
        items=items,
        settings=tuple(expand(settings["settings"], model.controls)),
        seeds=tuple(seed) if isinstance(seed, list) else (seed,),
        hearing=ExtractorConfig(
            items.heard, "signal" in metrics, "chroma" in metrics, **settings["hearing"]
        ),
        solver=build_node(settings["solver"]) if "solver" in settings else model.solver,
        guidance=build_node(settings["guidance"]) if "guidance" in settings else model.guidance,
        batch_size=settings["batch_size"],
        embedder=embedder if embedder.names else None,
    )


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    check_experiment(PROGRAM, "settings", sys.argv[1:])
    return run_processes(PROGRAM, "evaluate", run)


if __name__ == "__main__":
    sys.exit(main())
