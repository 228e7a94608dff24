"""Former names of configuration keys and classes, so that saved configurations stay readable.

Renaming an argument or a class that configurations name adds one line to a table here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jasco.errors import SettingError

KEYS: Mapping[str, Mapping[str, str]] = {
    "TextConditioner": {"summary": "pooling_queries"},
    "VelocityNetwork": {"adaptive": "adaln", "feedforward": "mlp_ratio"},
}
"""Class -> former name of an argument -> its name."""

DROPOUT: Mapping[str, str] = {"everything": "all"}
"""Former name of a key under ``dropout`` -> its name."""

SETTINGS: Mapping[str, str] = {
    "dropout": "objective.dropout",
    "dropout.everything": "objective.dropout.all",
    "hearing": "extractor",
    "optim.shift": "objective.shift",
    "optim.weighting": "objective.weighting",
    "trainer.checkpointing": "module.checkpointing",  # where peers have it
}
"""Former place of a setting of a program, with all below it -> its place."""

TARGETS: Mapping[str, str] = {
    "jasco.data.descriptions.Retelling": "jasco.training.text.descriptions.DescriptionResampling",
    "jasco.training.sharding.BlockShards": "jasco.training.sharding.TransformerFSDPStrategy",
}
"""Former ``_target_`` -> its name."""

MODULES: Mapping[str, str] = {
    "jasco.data.descriptions": "jasco.training.text.descriptions",
    "jasco.preprocess.codec": "jasco.checkpoint.codec",
    "jasco.preprocess.executors": "jasco.prepare.executors",
    "jasco.preprocess.stages.chords": "jasco.prepare.stages.chords",
    "jasco.preprocess.stages.drums": "jasco.prepare.stages.drums",
    "jasco.preprocess.stages.latents": "jasco.prepare.stages.latents",
    "jasco.preprocess.stages.melody": "jasco.prepare.stages.melody",
    "jasco.training.codec_export": "jasco.training.codec.export",
    "jasco.training.codec_module": "jasco.training.codec.module",
    "jasco.training.discriminator": "jasco.training.codec.discriminator",
    "jasco.training.samples": "jasco.training.flow.samples",
    "jasco.training.schedule": "jasco.training.optim",
    "jasco.training.text_module": "jasco.training.text.module",
}
"""Former module of classes that a ``_target_`` names -> its name."""

EVALUATION: Mapping[str, str] = {"heard": "extracted", "hearing": "extractor"}
"""Former key of the records and the settings of an evaluation -> its name."""


def rename_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """Record or settings of an evaluation with the key names of today."""
    return {EVALUATION.get(key, key): value for key, value in values.items()}


def resolve_aliases(node: Any) -> Any:
    """Copy of a configuration node in which former names are replaced by those of today.

    Args:
        node: plain data: mappings, lists and values.

    Raises:
        SettingError: a key is given under both names, with different values.
    """
    if isinstance(node, list | tuple):
        return [resolve_aliases(child) for child in node]
    if not isinstance(node, Mapping):
        return node
    target = node.get("_target_")
    resolved = _renamed(node, KEYS.get(str(target).rpartition(".")[2], {}), target)
    if isinstance(resolved.get("dropout"), dict):
        resolved["dropout"] = _renamed(resolved["dropout"], DROPOUT, "dropout")
    if isinstance(target, str):
        resolved["_target_"] = _current(target)
    return resolved


def _renamed(node: Mapping[Any, Any], renamed: Mapping[str, str], owner: Any) -> dict[Any, Any]:
    """Copy of a mapping with the former names among its keys replaced, and those below."""
    resolved: dict[Any, Any] = {}
    for key, value in node.items():
        name = renamed.get(key, key) if isinstance(key, str) else key
        value = resolve_aliases(value)
        if name in resolved and resolved[name] != value:
            former = next(old for old, new in renamed.items() if new == name)
            raise SettingError(
                f"{owner} is given {name} and {former}, its former name: give {name} alone"
            )
        resolved[name] = value
    return resolved


def current_setting(key: str) -> str:
    """Place of today of a setting of a program, by its dotted key."""
    former = [name for name in SETTINGS if f"{key}.".startswith(f"{name}.")]
    if not former:
        return key
    name = max(former, key=len)
    return SETTINGS[name] + key[len(name) :]


def _current(target: str) -> str:
    """Name of today of a class."""
    module, dot, name = target.rpartition(".")
    return TARGETS.get(target, f"{MODULES.get(module, module)}{dot}{name}")
