"""Takes of ``jasco-generate --request FILE --executor ray``."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict

from tqdm import tqdm

from jasco.cli.loading import DEFAULT_MODEL, model_source
from jasco.errors import SettingError
from jasco.notices import show, tell
from jasco.pipeline.plan import GPU_BATCH, Plan

_NOT_HERE = {"server": "--server", "c2pa": "--c2pa"}


def generate_on_executor(args: argparse.Namespace, plan: Plan | None) -> int:
    """Generate the takes of a plan that an earlier run has not made.

    Returns:
        Exit code.

    Raises:
        SettingError: options that it has no part for, or takes that failed.
    """
    if args.request is None or plan is None:
        raise SettingError("--executor makes the takes of a request file: give --request FILE")
    given = [flag for name, flag in _NOT_HERE.items() if getattr(args, name)]
    given += ["--stream"] * any(request.stream for request in plan.requests)
    if given:
        raise SettingError(f"--executor has no part for {', '.join(given)}: leave it out")
    from jasco.device import resolve_device, resolve_dtype
    from jasco.pipeline.many import Journal, TakesPass, generate_many, kinds_of
    from jasco.prepare.executors import RayExecutor

    device = resolve_device(args.device or "auto")
    resolve_dtype(args.dtype or "auto", device)
    source = model_source(
        args,
        name=args.model or DEFAULT_MODEL,
        device=args.device or "auto",
        dtype=args.dtype or "auto",
        threads=args.threads or 1,
    )
    work = TakesPass(
        source,
        args.batch_size or (1 if device.type == "cpu" else GPU_BATCH),
        not args.no_recipe,
        kinds_of(plan),
        os.getcwd(),
        None if args.check_chords is None else [args.check_chords],
    )
    path = args.request.with_suffix(".done.jsonl")
    settings = asdict(source), work.batch_size, work.keep_recipe, work.folder, work.chords
    journal = Journal(path, *settings)
    executor = RayExecutor(args.executor_address, model_workers=args.executor_workers)
    failed = skipped = 0
    with tqdm(total=len(plan), desc="generate", unit="take") as bar:
        for takes, job in generate_many(plan, work, executor, journal):
            bar.update(len(takes))
            if job.outcome == "skipped":
                skipped += len(takes)
                continue
            for line in job.plain.get("notes", ()):
                tell(line)
            made = job.plain.get("made", ())
            for row in made:
                show(f"{row['path']}: seed {row['seed']}, {row['duration']:.2f} s")
                for line in row["scores"]:
                    show(f"  {line}")
            for error in job.plain.get("failed", [job.reason]):
                tell(f"error: {error}")
            failed += len(takes) - len(made)
    if skipped:
        show(f"{skipped:,} of {len(plan):,} takes were there: {path} says so")
    if failed:
        raise SettingError(
            f"{failed:,} of {len(plan):,} takes are not made, see above; run it again for these"
        )
    return 0
