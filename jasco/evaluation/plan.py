"""The plan of an evaluation: which takes are made, in which batches, from which noise.

Batches are fixed by the plan, so that a run that goes on, or has other devices, computes each take
beside the same others and rounds as before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jasco.errors import SettingError
from jasco.evaluation.embedding import FEWEST, Embedder
from jasco.evaluation.items import Items
from jasco.evaluation.records import Key, Records
from jasco.evaluation.scoring import ExtractorConfig
from jasco.evaluation.settings import CEILING
from jasco.flow import Guidance, Solver
from jasco.io.fingerprint import fingerprint
from jasco.metrics.shuffle import derangement
from jasco.model import Jasco

PACKAGES = ("jasco", "torch", "lightning", "transformers", "numpy", "soxr", "mir_eval", "vamphost")


@dataclass(frozen=True)
class Batch:
    """Takes that are made at once.

    Attributes:
        setting: of all of them.
        seed: likewise.
        numbers: of the items.
    """

    setting: str
    seed: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is made and how it is judged.

    Attributes:
        model: generates.
        items: that it is asked for.
        settings: see `jasco.evaluation.settings.expand`.
        seeds: each item is made once from each, in every setting.
        hearing: what takes are heard with.
        solver, guidance: of the generation.
        batch_size: items at a time.
        embedder: of the distances of distributions, if they are measured.

    Raises:
        SettingError: no seeds, seeds twice, an empty batch, or too few items for distances.
    """

    model: Jasco
    items: Items
    settings: tuple[str, ...]
    seeds: tuple[int, ...]
    hearing: ExtractorConfig
    solver: Solver
    guidance: Guidance
    batch_size: int = 8
    embedder: Embedder | None = None

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SettingError(f"seed={list(self.seeds)}: give one, or several that differ")
        if self.batch_size < 1:
            raise SettingError(f"batch_size={self.batch_size}: give at least 1")
        if self.embedder is not None and len(self.items) < FEWEST:
            raise SettingError(
                f"data.items={len(self.items)}: distances of distributions need {FEWEST} or more"
            )

    @property
    def ids(self) -> list[str]:
        """Ids of the items, in order."""
        return [self.items.track(number).id for number in range(len(self.items))]

    def other(self) -> list[int]:
        """The item whose controls an item is mismatched with, and compared with for the floor."""
        return derangement(len(self.items), seed=0)

    def batches(self) -> list[Batch]:
        """All batches, those of the ceiling first."""
        count, size = len(self.items), self.batch_size
        chunks = [tuple(range(i, min(i + size, count))) for i in range(0, count, size)]
        made = [(CEILING, self.seeds[0])]
        made += [(setting, seed) for seed in self.seeds for setting in self.settings]
        return [Batch(setting, seed, chunk) for setting, seed in made for chunk in chunks]

    def keys(self, batch: Batch) -> list[Key]:
        """Of the takes of a batch."""
        return [Key(batch.setting, batch.seed, self.items.track(n).id) for n in batch.numbers]

    def missing(self, records: Records) -> list[Batch]:
        """Batches of which a record is missing."""
        return [b for b in self.batches() if any(key not in records for key in self.keys(b))]

    def frozen(self) -> dict[str, Any]:
        """All that the results depend on but the machine, as JSON data."""
        model = self.model
        return {
            "checkpoint": {
                "name": model.name_or_path,
                "revision": model.revision,
                "hash": _fingerprint(model),
                "controls": list(model.controls),
            },
            "data": {
                "hash": self.items.fingerprint(),
                "items": len(self.items),
                "duration": self.items.duration,
            },
            "settings": list(self.settings),
            "seeds": list(self.seeds),
            "solver": dict(self.solver.settings()),
            "guidance": dict(self.guidance),
            "batch_size": self.batch_size,
            "hearing": self.hearing.facts(),
            "embeddings": self.embedder.facts() if self.embedder else {},
            "versions": {name: found for name in PACKAGES if (found := _version(name))},
        }


def noise_seed(seed: int, item: str) -> int:
    """The seed of an item's noise, the same in all settings and for any choice of items."""
    return int(hashlib.sha256(f"{seed}/{item}".encode()).hexdigest()[:8], 16)


def noise_seeds(seeds: Sequence[int], item: str) -> list[int]:
    """Those of an item, one a seed of the evaluation."""
    return [noise_seed(seed, item) for seed in seeds]


def _fingerprint(model: Jasco) -> str:
    """Of all that the model computes with, statistics of the latents included."""
    tensors = model.state_dict()
    return fingerprint((*tensors.values(), model.codec.mean, model.codec.std), *tensors)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
