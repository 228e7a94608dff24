"""Report of an evaluation: means with intervals, ceiling, floor and ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jasco.adherence import headlines, main_scores
from jasco.embeddings.latents import Embeddings
from jasco.evaluation.plan import Plan, noise_seed
from jasco.evaluation.records import Key, Records, from_json
from jasco.evaluation.settings import CEILING, NONE
from jasco.metrics.bootstrap import Interval
from jasco.metrics.scores import Scores

EXTREMES = 10

Table = dict[str, dict[str, dict[str, float | int | None]]]
"""Setting -> metric -> ``mean``, ``low``, ``high`` and ``items``."""


def build_report(plan: Plan, records: Records, frozen: Mapping[str, Any]) -> dict[str, Any]:
    """Report of a run without its times, a function of its records.

    Args:
        plan: plan of the evaluation.
        records: records of all its takes.
        frozen: settings, data and versions of the run.

    Returns:
        JSON data: ``frozen``; ``items`` with the seeds of their noise; ``scores`` and ``shuffled``,
        the latter against unrelated items; ``ranking`` of the items in the first setting.
        Distances of distributions are among the scores: ``mean`` is the distance from the original
        recordings, ``items`` the number of takes.
    """
    settings = (CEILING, *plan.settings)
    names = {number: plan.items.track(number) for number in range(len(plan.items))}
    return {
        "frozen": dict(frozen),
        "items": [
            {
                "id": track.id,
                "path": track.path,
                "start": plan.items.start(number) / plan.model.frame_rate,
                "noise": [noise_seed(seed, track.id) for seed in plan.seeds],
            }
            for number, track in names.items()
        ],
        "scores": {
            s: _table(plan, records, s, "scores") | _distances(plan, records, s) for s in settings
        },
        "shuffled": {s: _table(plan, records, s, "shuffled") for s in settings},
        "ranking": _ranking(plan, records),
    }


def floors(report: Mapping[str, Any], setting: str, metric: str) -> dict[str, Any]:
    """Intervals of the floor: ``shuffled`` pairs, and ``dropped`` controls where evaluated."""
    found = {"shuffled": report["shuffled"][setting].get(metric)}
    if NONE in report["scores"] and setting != NONE:
        found["dropped"] = report["scores"][NONE].get(metric)
    return {name: interval for name, interval in found.items() if interval}


def extremes(report: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """Best and worst items of the ranking, without overlap."""
    ranking = report["ranking"]
    best = ranking[:EXTREMES]
    return best, ranking[max(len(best), len(ranking) - EXTREMES) :][::-1]


def _table(plan: Plan, records: Records, setting: str, kind: str) -> dict[str, Any]:
    scores = Scores()
    for key in _keys(plan, setting):
        scores.add(key.item, from_json(records[key][kind]), seed=key.seed)
    return {name: plain_interval(interval) for name, interval in scores.summary().items()}


def _keys(plan: Plan, setting: str) -> list[Key]:
    seeds = plan.seeds[:1] if setting == CEILING else plan.seeds
    return [Key(setting, seed, item) for seed in seeds for item in plan.ids]


def _distances(plan: Plan, records: Records, setting: str) -> dict[str, Any]:
    """Distances of the takes of a setting from the original recordings, by embedding."""
    found: dict[str, Any] = {}
    for name in plan.embedder.names if plan.embedder else ():
        sets = Embeddings()
        originals = [records[key]["original"][name] for key in _keys(plan, CEILING)]
        takes = [records[key]["embedding"][name] for key in _keys(plan, setting)]
        sets.add(reference=np.array(originals), estimate=np.array(takes))
        for metric, value in sets.summary().items():
            if not isinstance(value, Interval):
                value = Interval(value, math.nan, math.nan, len(takes))
            found[f"{name}.{metric}"] = plain_interval(value)
    return found


def plain_interval(interval: Interval) -> dict[str, float | int | None]:
    """Interval as JSON data, null for what is not finite."""
    values = interval._asdict()
    return {name: _rounded(v) if math.isfinite(v) else None for name, v in values.items()}


def _rounded(value: float) -> float:
    """Value with 10 digits; further ones depend on the number of threads."""
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _ranking(plan: Plan, records: Records) -> list[dict[str, Any]]:
    """Items by the mean of their headline metrics, best first; items without one are skipped."""
    rows = []
    for item in plan.ids:
        found = [from_json(records[Key(plan.settings[0], s, item)]["scores"]) for s in plan.seeds]
        mains = [main_scores(scores) for scores in found]
        means = {
            metric: _mean([scores.get(control, math.nan) for scores in mains])
            for control, metric in headlines().items()
        }
        defined = {metric: value for metric, value in means.items() if not math.isnan(value)}
        if defined:
            rows.append({"item": item, "mean": float(np.mean(list(defined.values()))), **defined})
    return sorted(rows, key=lambda row: (-row["mean"], row["item"]))


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan
