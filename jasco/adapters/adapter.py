"""Adapter of a model: its settings, its tensors, and the updates of weights that they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from jasco.checkpoint import PARTS
from jasco.errors import SettingError
from jasco.io.fingerprint import fingerprint

MAX_RANK = 4096


def base_hash(tensors: Mapping[str, Tensor]) -> str:
    """Hash of the weights that an adapter belongs to: all of a model but those of its parts.

    Args:
        tensors: name in the model -> tensor; values are hashed in float32.
    """
    parts = tuple(part.prefix for part in PARTS)
    names = sorted(name for name in tensors if not name.startswith(parts))
    return fingerprint((tensors[name] for name in names), names)


@dataclass(frozen=True)
class AdapterConfig:
    """Settings of an adapter.

    Attributes:
        rank: rank r of the updates.
        alpha: numerator of their scale, alpha / r.
        targets: names of the linear layers that are updated.
        base: name, commit and hash of the model that the adapter was trained on.
        controls: controls of that model, in order.
        rslora: scale alpha / sqrt(r) (rsLoRA, arXiv 2312.03732).
        dora: magnitude and direction are updated apart (DoRA, arXiv 2402.09353).
        new: configuration of each control that the adapter adds to the model.

    Raises:
        SettingError: a rank out of range, no layers, or a control that cannot be added.
    """

    rank: int
    alpha: float
    targets: Sequence[str]
    base: Mapping[str, str | None]
    controls: Sequence[str]
    rslora: bool = False
    dora: bool = False
    new: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= MAX_RANK:
            raise SettingError(f"adapter rank {self.rank}: give 1 to {MAX_RANK}")
        if not self.targets:
            raise SettingError("the adapter updates no layers: name them with adapter.targets")

        foreign = [c for c in self.new if c not in self.controls or c == "text"]
        if foreign:
            raise SettingError(f"an adapter adds no {foreign[0]!r:.60}: train the whole model")

    @property
    def scale(self) -> float:
        """Factor of the product of the two low-rank matrices."""
        return self.alpha / (math.sqrt(self.rank) if self.rslora else self.rank)

    def shapes(self, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors of the updates, by name.

        Args:
            sizes: shape (out, in) of the weight of each layer, by the name of the layer.
        """
        found: dict[str, tuple[int, ...]] = {}
        for layer in self.targets:
            out, into = sizes[layer]
            found[f"{layer}.lora_A.weight"] = (self.rank, into)
            found[f"{layer}.lora_B.weight"] = (out, self.rank)
            if self.dora:
                found[f"{layer}.lora_magnitude_vector"] = (out,)
        return found

    @property
    def new_prefixes(self) -> tuple[str, ...]:
        """Beginnings of the names of the tensors of new controls."""
        return tuple(f"conditioners.{name}." for name in self.new)


@dataclass(frozen=True, eq=False)
class Adapter:
    """Adapter as it is in its folder.

    Attributes:
        name: name that `jasco.Jasco.set_adapters` knows it by.
        source, revision: path or Hub id, and commit.
        config: settings.
        tensors: tensors of the updates and of new controls, in float32, by their names in the
            model.
    """

    name: str
    source: str
    revision: str | None
    config: AdapterConfig
    tensors: Mapping[str, Tensor]

    @cached_property
    def hash(self) -> str:
        """Hash of settings and tensors, which recipes name."""
        names, config = sorted(self.tensors), self.config
        facts = config.rank, config.alpha, config.rslora, config.dora
        return fingerprint((self.tensors[name] for name in names), names, facts)

    def delta(self, layer: str, weight: Tensor) -> Tensor:
        """Update (out, in) of the weight of a layer, in float32.

        Args:
            layer: name of the layer.
            weight: weight (out, in) of the base, in float32.
        """
        a, b, magnitude = (
            self.tensors.get(f"{layer}.{name}")
            for name in ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
        )
        if a is None or b is None:
            raise SettingError(f"the adapter {self.name} has no update of {layer}")
        update = (b.to(weight.device) @ a.to(weight.device)) * self.config.scale
        if magnitude is None:
            return update
        direction = weight + update
        norm = torch.linalg.vector_norm(direction, dim=1)
        return (magnitude.to(weight.device) / norm)[:, None] * direction - weight

    def own(self, control: str) -> dict[str, Tensor]:
        """Tensors of a new control, by their names in its conditioner."""
        prefix = f"conditioners.{control}."
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix) and ".lora_" not in name
        }
