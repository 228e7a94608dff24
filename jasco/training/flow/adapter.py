"""Training of an adapter: low-rank updates by peft, in a model whose own weights are frozen."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from jasco.adapters import AdapterConfig, base_hash, save_adapter
from jasco.device import DTYPES
from jasco.errors import MissingPartError, SettingError
from jasco.model import Jasco
from jasco.network import lower_linear
from jasco.training.callbacks import averaged

_INFIX = ".default"  # peft's name of a first adapter, within the names of its tensors


@dataclass(frozen=True)
class AdapterSettings:
    """Settings of the training of an adapter.

    Attributes:
        rank: rank of the updates.
        alpha: numerator of their scale; ``None`` for the rank.
        dropout: dropout of the inputs of the updates.
        targets: patterns of the names of the linear layers to update, as of `fnmatch`.
        rslora, dora: variants, see `jasco.adapters.AdapterConfig`.
        base_dtype: format of the frozen linear layers of the network, of `jasco.device.DTYPES`.
        stored: format of the adapter's file, of `jasco.device.STORED`.

    Raises:
        SettingError: a value out of range.
    """

    rank: int = 16
    alpha: float | None = None
    dropout: float = 0.0
    targets: Sequence[str] = ("network.transformer.layers.*",)
    rslora: bool = False
    dora: bool = False
    base_dtype: str = "float32"
    stored: str = "float16"

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise SettingError(f"adapter.rank={self.rank}: give at least 1")
        if not 0 <= self.dropout < 1:
            raise SettingError(f"adapter.dropout={self.dropout}: give 0 or more, below 1")
        if self.base_dtype not in DTYPES:
            raise SettingError(f"adapter.base_dtype={self.base_dtype}: give {' or '.join(DTYPES)}")

    def layers(self, model: Jasco) -> list[str]:
        """Names of the linear layers of a model that the targets name.

        Raises:
            SettingError: a pattern without a layer, or a rank beyond a layer's size.
        """
        linear = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and name.startswith(("network.", "conditioners."))
        }
        for pattern in self.targets:
            if not any(fnmatchcase(name, pattern) for name in linear):
                raise SettingError(
                    f"adapter.targets names {pattern!r:.80}, which is no linear layer: they are "
                    f"called like {', '.join(list(linear)[:: max(1, len(linear) // 3)][:3])}"
                )
        found = [n for n in linear if any(fnmatchcase(n, pattern) for pattern in self.targets)]
        most = min((min(linear[name].weight.shape) for name in found), default=self.rank)
        if self.rank > most:
            raise SettingError(
                f"adapter.rank={self.rank}: the smallest layer of adapter.targets has {most} "
                "channels, so give at most that"
            )
        return found


def attach(model: Jasco, settings: AdapterSettings, new: Mapping[str, Mapping[str, Any]]) -> None:
    """Freeze a model and add an untrained adapter, with which it computes the same.

    The configuration of the model gets the adapter's settings, under ``adapter``.

    Args:
        model: model with the weights of its checkpoint; controls that are new train whole.
        settings: settings.
        new: configuration of each new control.

    Raises:
        SettingError: settings that do not fit the model.
        MissingPartError: peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.tuners_utils import BaseTunerLayer
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"adapters are trained with {error.name}: pip install 'jasco[train]'"
        ) from error
    whole = tuple(f"conditioners.{name}." for name in new)
    layers = [name for name in settings.layers(model) if not name.startswith(whole)]
    own = {name: t for name, t in model.state_dict().items() if not name.startswith(whole)}
    name = str(model.codec.source)
    on_disk = os.path.isabs(name)  # a path of this machine is meaningless on others
    revision = None if on_disk else (model.config.get("source") or {}).get("revision")
    base = {"id": os.path.basename(name) if on_disk else name, "revision": revision}
    config = AdapterConfig(
        settings.rank,
        settings.rank if settings.alpha is None else settings.alpha,
        layers,
        base | {"hash": base_hash(own)},
        model.controls,
        settings.rslora,
        settings.dora,
        dict(new),
    )
    if settings.base_dtype != "float32":
        _lower(model, DTYPES[settings.base_dtype])
    peft = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # type: ignore[arg-type]  # any number
        lora_dropout=settings.dropout,
        target_modules=layers,
        use_rslora=config.rslora,
        use_dora=config.dora,
    )
    inject_adapter_in_model(peft, model)
    for name, parameter in model.named_parameters():
        if name.startswith(whole):
            parameter.requires_grad_(not name.startswith("conditioners.text.encoder."))
        elif parameter.requires_grad:  # peft makes them in the format of the base
            parameter.data = parameter.data.float()
    if not settings.dora:
        for module in model.modules():
            if isinstance(module, BaseTunerLayer):  # autocast casts the inputs of updates itself
                setattr(module, "cast_input_dtype_enabled", False)  # noqa: B010 (mypy)
    model.config = model.config | {"adapter": _facts(config, settings.stored)}


def _lower(model: Jasco, dtype: torch.dtype) -> None:
    """Convert the linear layers of the network, with their weights, to ``dtype``."""
    linear = {
        f"{name}.{key}": parameter.detach().to(dtype)
        for name, layer in model.network.named_modules()
        if isinstance(layer, nn.Linear)
        for key, parameter in layer.named_parameters(recurse=False)
    }
    lower_linear(model.network, dtype)
    model.network.load_state_dict(linear, strict=False, assign=True)


def _facts(config: AdapterConfig, stored: str) -> dict[str, Any]:
    """Settings as plain data, for checkpoints."""
    plain = {name: getattr(config, name) for name in inspect.signature(AdapterConfig).parameters}
    listed = {"targets": list(config.targets), "controls": list(config.controls)}
    return {**plain, **listed, "stored": stored}


def trained_tensors(model: Jasco) -> dict[str, Tensor]:
    """Tensors of the adapter in a model of `attach`, by their names in the adapter's file."""
    return {
        name.replace(f"{_INFIX}.weight", "" if "magnitude" in name else ".weight"): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def write_adapter(model: Jasco, folder: str | os.PathLike[str]) -> Path:
    """Write the adapter of a model of `attach`."""
    facts = dict(model.config["adapter"])
    stored = facts.pop("stored")
    return save_adapter(Path(folder), AdapterConfig(**facts), trained_tensors(model), dtype=stored)


class AdapterExport(Callback):
    """Writing of the adapter with averaged weights, at the end of a run.

    Args:
        folder: folder of the adapter; an earlier one is replaced.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the adapter, on the first rank."""
        if trainer.is_global_zero:
            module: Any = pl_module
            with averaged(trainer, pl_module):
                write_adapter(module.model, self.folder)
