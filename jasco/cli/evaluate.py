"""``jasco-evaluate``: how far a checkpoint follows its controls, on a prepared dataset.

``jasco-evaluate checkpoint=demo data.root=prepared metrics=[chords,drums,melody] seed=0``. The
words are overrides of a Hydra configuration, whose settings ``--help`` shows; ``--multirun``
sweeps.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jasco.cli.errors import one_line_errors
from jasco.cli.help import print_help
from jasco.controls import CONTROLS
from jasco.errors import MissingPartError, SettingError
from jasco.metrics import TAKE_METRICS

if TYPE_CHECKING:
    from omegaconf import DictConfig

PROGRAM = "jasco-evaluate"
EMBEDDINGS = ("encodec", "clap")  # jasco.evaluation.embedding has the same, behind torch
GROUPS = {
    "trainer": "Devices",
    "solver": "Solver, in place of the checkpoint's",
    "guidance": "Guidance, in place of the checkpoint's",
}
KINDS = {
    "checkpoint": str,
    "adapters": str | list[str] | None,
    "data.root": str,
    "data.items": int | None,
    "data.duration": float | None,
    "data.without": list[str],
    "metrics": list[str],
    "settings": list[str],
    "seed": int | list[int],
    "batch_size": int,
    "dtype": str,
    "workers": int,
    "threads": int | None,
    "clap": str | None,
    "published": Mapping[str, Any] | None,
    "run": str,
}


def run(config: DictConfig) -> None:
    """Evaluate the checkpoint that a configuration names, and print the report.

    Raises:
        JascoError: what does not fit; before the first take where it shows by then.
    """
    from jasco.cli.hydra_program import read_settings, run_folder

    settings = read_settings(config, KINDS)
    metrics = settings["metrics"]
    known = (*CONTROLS, *TAKE_METRICS, *EMBEDDINGS)
    if not metrics or [name for name in metrics if name not in known]:
        raise SettingError(f"metrics={metrics}: give some of {', '.join(known)}")
    try:
        import matplotlib  # noqa: F401  (draws the clips of the page, at the end)

        from jasco.evaluation import console
        from jasco.evaluation.run import PAGE, REPORT, evaluate
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"evaluation needs {error.name}: pip install 'jasco[eval]'"
        ) from error
    from jasco.cli.kinds import check_nodes
    from jasco.cli.quiet import quiet_lightning
    from jasco.cli.teardown import first_error

    quiet_lightning("predict returned None.*")
    check_nodes(settings)
    folder = run_folder(config)
    evaluation = build_evaluation(settings)
    with first_error():
        report = evaluate(folder=folder, **evaluation)
    if report is not None:
        print(console.title(report), *console.lines(report), console.times(report), sep="\n")
        print(folder / REPORT, folder / PAGE, sep="\n")


def build_evaluation(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `jasco.evaluation.run.evaluate` but for the folder.

    Args:
        settings: configuration of the evaluation, plain data.
    """
    from jasco.adherence import comparison
    from jasco.config import build_node
    from jasco.embeddings.clap import DEFAULT, Clap
    from jasco.evaluation.embedding import CLAP, ENCODEC, Embedder
    from jasco.evaluation.items import Items
    from jasco.evaluation.plan import Plan
    from jasco.evaluation.scoring import ExtractorConfig
    from jasco.evaluation.settings import expand
    from jasco.io.hub import HubOptions
    from jasco.model import Jasco
    from jasco.pipeline.adapters import load_adapters, read_adapters

    adapters = read_adapters(settings["adapters"])
    metrics = settings["metrics"]
    controls = [name for name in metrics if name in CONTROLS]
    for name in controls:
        comparison(name).require()  # before anything is made
    model = Jasco.from_pretrained(settings["checkpoint"], device="cpu", dtype="float32")
    load_adapters(model, adapters, HubOptions())
    data = settings["data"]
    items = Items(
        data["root"],
        model,
        extracted=controls,
        count=data["items"],
        duration=data["duration"],
        without=data["without"],
    )
    clap = Clap.load(settings["clap"] or DEFAULT, device="cpu") if CLAP in metrics else None
    embedder = Embedder(model.codec if ENCODEC in metrics else None, clap)
    seed = settings["seed"]
    plan = Plan(
        model=model,
        items=items,
        settings=tuple(expand(settings["settings"], model.controls)),
        seeds=tuple(seed) if isinstance(seed, list) else (seed,),
        extractor=ExtractorConfig(
            items.extracted, tuple(m for m in metrics if m in TAKE_METRICS), **settings["extractor"]
        ),
        solver=build_node(settings["solver"]) if "solver" in settings else model.solver,
        guidance=build_node(settings["guidance"]) if "guidance" in settings else model.guidance,
        batch_size=settings["batch_size"],
        embedder=embedder if embedder.names else None,
    )
    options = {name: settings[name] for name in ("workers", "threads", "dtype", "published")}
    return {"plan": plan, "trainer": build_node(settings["trainer"])} | options


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    if print_help("evaluate", GROUPS):
        return 0
    from jasco.cli.hydra_program import run_processes

    return run_processes(PROGRAM, "evaluate", run)


if __name__ == "__main__":
    sys.exit(main())
