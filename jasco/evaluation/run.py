"""Evaluation run: missing takes are generated and scored, then the report is written."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

from jasco.aliases import rename_keys
from jasco.device import resolve_dtype
from jasco.errors import SettingError
from jasco.evaluation.module import EvaluationModule
from jasco.evaluation.page import write_page
from jasco.evaluation.plan import Plan
from jasco.evaluation.records import read_records
from jasco.evaluation.summary import build_report
from jasco.io.atomic import write_text
from jasco.io.plain import read_object

FROZEN = "frozen.json"
REPORT = "report.json"
PAGE = "report.html"


def evaluate(
    plan: Plan,
    folder: Path,
    trainer: Trainer,
    *,
    workers: int = 1,
    threads: int | None = None,
    dtype: str = "auto",
    published: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Run an evaluation, or resume the same evaluation in its folder.

    Args:
        plan: plan of the evaluation.
        folder: folder of records, audio, ``report.json`` and ``report.html``.
        trainer: Lightning trainer with its devices.
        workers: scoring processes per device.
        threads: threads of generation on a CPU, which determine its rounding. ``None`` for those of
            the run to resume, else those of PyTorch.
        dtype: precision of the generation, see `resolve_dtype`.
        published: published figures to show beside those of the run: ``columns``, metric by column,
            and ``figures``, values of all columns by model and setting.

    Returns:
        Report with its times; ``None`` on all ranks but the first.

    Raises:
        SettingError: an invalid number of threads, or a folder of another evaluation.
        JascoError: a take cannot be generated or scored.
    """
    start = time.perf_counter()
    device = trainer.strategy.root_device
    precision = resolve_dtype(dtype, device)
    frozen = plan.frozen()
    frozen["device"] = device.type
    frozen["dtype"] = str(precision).removeprefix("torch.")
    folder.mkdir(parents=True, exist_ok=True)
    frozen["threads"] = _threads(folder / FROZEN, threads)
    _begin(folder / FROZEN, frozen, first=trainer.is_global_zero)
    done = read_records(folder)
    missing = plan.missing(done)
    module = EvaluationModule(
        plan, missing, done.keys(), folder, workers, precision, frozen["threads"]
    )
    if module.batches:
        _make(trainer, module)
    if not trainer.is_global_zero:
        return None
    report = build_report(plan, read_records(folder), frozen)
    if published:
        report["published"] = dict(published)
    times = {**module.times, "workers": workers, "batches": len(module.batches)}
    report["times"] = {**times, "total": time.perf_counter() - start}
    write_text(folder / REPORT, json.dumps(report, indent=1, allow_nan=False) + "\n")
    write_page(folder / PAGE, plan, report, read_records(folder))
    return report


def _make(trainer: Trainer, module: EvaluationModule) -> None:
    threads = torch.get_num_threads()
    try:
        trainer.predict(module, return_predictions=False)
    except BaseException as error:
        module.abandon()
        if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None  # Lightning would exit with code 1
        raise
    finally:
        torch.set_num_threads(threads)  # the module changes them


def _threads(path: Path, asked: int | None) -> int:
    """Threads of a run: the given number, that of the run to resume, or that of PyTorch."""
    if asked is not None:
        if asked < 1:
            raise SettingError(f"threads={asked}: give 1 or more")
        return asked
    if path.is_file():
        before = read_object(path, SettingError).get("threads")
        if isinstance(before, int) and before > 0:
            return before
    return torch.get_num_threads()


def _begin(path: Path, frozen: Mapping[str, Any], *, first: bool) -> None:
    """Write the settings of a new run, or compare them with those of the run to resume."""
    if path.is_file():
        before = rename_keys(read_object(path, SettingError))
        changed = [
            f"{key} {_short(before.get(key))} -> {_short(frozen.get(key))}"
            for key in sorted({*before, *frozen})
            if before.get(key) != frozen.get(key)
        ]
        if changed:
            raise SettingError(
                f"{path.parent} holds another evaluation ({'; '.join(changed)}): give another "
                "run=FOLDER"
            )
    elif first:
        write_text(path, json.dumps(frozen, indent=1) + "\n")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
