"""Plan of an evaluation: its takes, their batches, and their noise.

The plan fixes the batches, so that rounding is the same in a resumed run and on other devices.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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
from jasco.runs import installed

PACKAGES = ("jasco", "torch", "lightning", "transformers", "numpy", "soxr", "mir_eval", "vamphost")


@dataclass(frozen=True)
class Batch:
    """Batch of takes of one setting and one seed.

    Attributes:
        setting: setting, see `jasco.evaluation.settings`.
        seed: seed of the evaluation.
        indices: indices of the items.
    """

    setting: str
    seed: int
    indices: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """Plan of the takes of an evaluation and of their scores.

    Attributes:
        model: model to evaluate.
        items: clips whose conditions are requested.
        settings: names from `jasco.evaluation.settings.expand`.
        seeds: seeds of the noise; every setting has one take per item and seed.
        extractor: configuration of the extraction of controls.
        solver, guidance: settings of the generation.
        batch_size: items per batch.
        embedder: embeddings for distances of distributions; ``None`` for no distances.

    Raises:
        SettingError: no seeds, a repeated seed, an empty batch, or too few items for distances.
    """

    model: Jasco
    items: Items
    settings: tuple[str, ...]
    seeds: tuple[int, ...]
    extractor: ExtractorConfig
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
        """Ids of all items, in order."""
        return [self.items.track(number).id for number in range(len(self.items))]

    def other(self) -> list[int]:
        """Index of the unrelated item of each item, for mismatched conditions and the floor."""
        return derangement(len(self.items), seed=0)

    def batches(self) -> list[Batch]:
        """All batches, the ceiling first."""
        count, size = len(self.items), self.batch_size
        chunks = [tuple(range(i, min(i + size, count))) for i in range(0, count, size)]
        made = [(CEILING, self.seeds[0])]
        made += [(setting, seed) for seed in self.seeds for setting in self.settings]
        return [Batch(setting, seed, chunk) for setting, seed in made for chunk in chunks]

    def keys(self, batch: Batch) -> list[Key]:
        """Keys of the takes of a batch."""
        return [Key(batch.setting, batch.seed, self.items.track(n).id) for n in batch.indices]

    def missing(self, records: Records) -> list[Batch]:
        """Batches with a missing record."""
        return [b for b in self.batches() if any(key not in records for key in self.keys(b))]

    def frozen(self) -> dict[str, Any]:
        """Everything but the machine that results depend on, as JSON data."""
        model = self.model
        adapters = model.adapter_facts()
        return {
            "checkpoint": {
                "name": model.name_or_path,
                "revision": model.revision,
                "hash": _fingerprint(model),
                "controls": list(model.controls),
                **({"adapters": adapters} if adapters else {}),
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
            "extractor": self.extractor.facts(),
            "embeddings": self.embedder.facts() if self.embedder else {},
            "versions": installed(PACKAGES),
        }


def noise_seed(seed: int, item: str) -> int:
    """Seed of the noise of an item, the same in all settings and for any choice of items."""
    return int(hashlib.sha256(f"{seed}/{item}".encode()).hexdigest()[:8], 16)


def _fingerprint(model: Jasco) -> str:
    """Fingerprint of all weights and of the statistics of the latents."""
    tensors = model.state_dict()
    return fingerprint((*tensors.values(), model.codec.mean, model.codec.std), *tensors)
