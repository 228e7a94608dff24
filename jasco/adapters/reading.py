"""Reading of adapters from untrusted folders, in peft's format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jasco.adapters.adapter import Adapter, AdapterConfig
from jasco.errors import CheckpointError, SettingError
from jasco.io.hub import HubOptions, locate
from jasco.io.plain import is_number, is_whole, read_object
from jasco.io.torch_files import read_safetensors, require_finite

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
FOLDER = "adapter"
"""Folder of the adapter within that of its run."""
PREFIX = "base_model.model."
"""Beginning of the names of tensors in peft's files."""
FORMAT = 1
# Options of peft that change what its tensors stand for; other values are refused.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none",),
    "fan_in_fan_out": (False,),
    "lora_bias": (False,),
    "rank_pattern": ({},),
    "alpha_pattern": ({},),
    "modules_to_save": (None, []),
    "target_parameters": (None, []),
}
MAX_TARGETS = 100_000


def read_adapter(
    name_or_path: str | Path, hub: HubOptions | None = None, name: str | None = None
) -> Adapter:
    """Read an adapter.

    Args:
        name_or_path: folder of an adapter, folder of the run that trained one, or Hub id.
        hub: access to the Hub.
        name: name of the adapter; by default that of its folder or repository.

    Raises:
        CheckpointError: there is no adapter, or it cannot be read.
    """
    given = os.fspath(name_or_path)
    if not given.strip():
        raise CheckpointError("an adapter has no name: give its folder or Hub id")
    run = Path(given).expanduser() / FOLDER
    place = run if (run / CONFIG).is_file() else given
    found = locate(place, (CONFIG, WEIGHTS), hub or HubOptions())
    if not (found.folder / CONFIG).is_file():
        raise CheckpointError(
            f"{given} holds no adapter ({CONFIG}): give the folder of an adapter, or of the run "
            "that trained one"
        )
    config = _read_config(found.folder / CONFIG)
    stored = read_safetensors(found.folder / WEIGHTS)
    tensors = {key.removeprefix(PREFIX): tensor.float() for key, tensor in stored.items()}
    require_finite(tensors, given)
    folder = found.folder.parent if found.folder.name == FOLDER else found.folder
    short = folder.resolve().name if found.revision is None else given.rpartition("/")[2]
    source = os.path.abspath(found.folder) if found.revision is None else given
    return Adapter(name or short, source, found.revision, config, tensors)


def _read_config(path: Path) -> AdapterConfig:
    plain = read_object(path, CheckpointError)
    for key, allowed in _PLAIN.items():
        if key in plain and plain[key] not in allowed:
            raise CheckpointError(
                f"{path}: {key} is {plain[key]!r:.60}; adapters here have {key}={allowed[0]!r}"
            )
    own = plain.get("jasco")
    if not isinstance(own, dict) or own.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no adapter of a Jasco model: jasco-train makes one")
    base, new = own.get("base"), own.get("new")
    if not isinstance(base, dict) or not isinstance(base.get("hash"), str):
        raise CheckpointError(f"{path}: jasco.base names no model by its hash")
    if not isinstance(new, dict) or not all(isinstance(node, dict) for node in new.values()):
        raise CheckpointError(f"{path}: jasco.new is {new!r:.60}; give a mapping to mappings")
    base = {key: base.get(key) for key in ("id", "revision", "hash")}
    if not all(isinstance(value, str | None) for value in base.values()):
        raise CheckpointError(f"{path}: jasco.base is {base!r:.80}; give texts")
    targets: Any = plain.get("target_modules")
    controls: Any = own.get("controls")
    for key, value in (("target_modules", targets), ("controls", controls)):
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not texts or len(value) > MAX_TARGETS:
            raise CheckpointError(f"{path}: {key} is {value!r:.60}; give a list of names")
    rank: Any = plain.get("r")
    alpha: Any = plain.get("lora_alpha")
    if not is_whole(rank, 10**9) or not is_number(alpha):
        raise CheckpointError(f"{path}: r={rank!r:.40}, lora_alpha={alpha!r:.40}; give numbers")
    rslora: Any = plain.get("use_rslora", False)
    dora: Any = plain.get("use_dora", False)
    if not isinstance(rslora, bool) or not isinstance(dora, bool):
        raise CheckpointError(f"{path}: use_rslora and use_dora are true or false")
    try:
        return AdapterConfig(rank, alpha, targets, base, controls, rslora, dora, new)
    except SettingError as error:
        raise CheckpointError(f"{path}: {error}") from error
