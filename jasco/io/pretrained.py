"""Parts of a model in the layout of transformers: `config.json` and safetensors.

transformers initializes missing tensors randomly, follows `adapter_config.json` to other
repositories and allocates any size that a configuration states. Here a part is loaded completely or
not at all: its configuration is reduced to the fields of its class, the sizes are compared with the
files before memory is allocated, and every tensor is read from them and finite.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from jasco.errors import CheckpointError, JascoError, SettingError
from jasco.io.plain import read_object
from jasco.io.torch_files import require_finite, require_stored

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONFIG = "config.json"
MAX_SIZE = 1_000_000
MAX_LAYERS = 128
_COUNTS = ("num_layers", "num_decoder_layers", "num_residual_layers", "num_lstm_layers")
# Fields that jasco-train adds to those of EnCodec.
_OURS = ("latent_mean", "latent_std")


def read_config(folder: Path, kind: Any) -> dict[str, Any]:
    """Fields of a configuration class, and ours, in a folder's ``config.json``.

    Raises:
        CheckpointError: the file is missing, broken, of another class, or holds invalid values.
    """
    values = read_object(folder / CONFIG, CheckpointError)
    if values.get("model_type") != kind.model_type:
        raise CheckpointError(
            f"{folder / CONFIG} is that of a {values.get('model_type')!r:.40}, not of a "
            f"{kind.model_type!r}"
        )
    known = {*inspect.signature(kind).parameters, *_OURS} - _common(kind)
    values = {key: value for key, value in values.items() if key in known}
    try:
        make_config(kind, values)
    except SettingError as error:
        raise CheckpointError(f"{folder / CONFIG}: {error}") from error
    return values


def make_config(kind: Any, values: Mapping[str, Any]) -> Any:
    """Configuration of a class from values of a file, with bounded sizes.

    Raises:
        SettingError: an invalid value, or one beyond `MAX_SIZE` or `MAX_LAYERS`.
    """
    for key, value in values.items():
        most = MAX_LAYERS if key in _COUNTS else MAX_SIZE
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, int | float) and not abs(number) <= most:
                raise SettingError(f"{key} is {number}: at most {most:,} is read")
    unknown = values.keys() - {*inspect.signature(kind).parameters, *_OURS}
    if unknown:
        raise SettingError(f"{kind.__name__} takes no key {min(unknown)!r:.60}")
    ratios = values.get("upsampling_ratios", ())
    if isinstance(ratios, list | tuple) and len(ratios) > 16:
        raise SettingError(f"upsampling_ratios has {len(ratios)} entries: at most 16 are read")
    try:
        config = kind(**values)
        quantizers = getattr(config, "num_quantizers", 1)
    except Exception as error:  # fields are checked in several ways
        reason = " ".join(str(error).split())
        raise SettingError(f"no configuration of {kind.model_type}: {reason:.300}") from error
    if not 1 <= quantizers <= MAX_LAYERS:
        raise SettingError(
            f"target_bandwidths and upsampling_ratios ask for {quantizers} codebooks: give 1 to "
            f"{MAX_LAYERS}"
        )
    buckets = getattr(config, "relative_attention_num_buckets", None)
    if buckets is not None and not 4 <= buckets < 4 * config.relative_attention_max_distance:
        raise SettingError(
            f"relative_attention_num_buckets is {buckets} and relative_attention_max_distance "
            f"{config.relative_attention_max_distance}: give at least 4, and more than a quarter"
        )
    return config


def load_pretrained(kind: type[PreTrainedModel], name: str, revision: str | None) -> Any:
    """Complete model of transformers in float32.

    Args:
        kind: class of the model.
        name: folder or Hub id.
        revision: commit of a Hub id.

    Raises:
        CheckpointError: the part cannot be found or read, lacks tensors, states sizes that differ
            from its files, or has weights that are not finite.
    """
    options: dict[str, Any] = {"revision": revision or "main"}
    folder = Path(name)
    if folder.is_dir():
        options = {"config": _checked_config(kind, folder), "local_files_only": True}
    try:
        loaded: Any = kind.from_pretrained(
            name,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # named in the error below
            **options,
        )
        model, info = loaded
    except JascoError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{name} cannot be loaded: {reason:.300}") from error
    shapes = [
        f"{key} {tuple(held)} instead of {tuple(own)}"
        for key, held, own in sorted(info["mismatched_keys"])
    ]
    for what, names in (("missing", sorted(info["missing_keys"])), ("wrong shape", shapes)):
        if names:
            more = " and more" if len(names) > 5 else ""
            raise CheckpointError(
                f"{name} lacks tensors of its model; {what}: {', '.join(names[:5])}{more}"
            )
    require_finite(model.state_dict(), name)
    return model


def _checked_config(kind: type[PreTrainedModel], folder: Path) -> Any:
    """Configuration of a folder, whose files must hold as many weights as it states."""
    if (folder / "adapter_config.json").exists():
        raise CheckpointError(f"{folder} holds an adapter, which is not read: give a whole model")
    try:
        made: Any = kind.config_class  # a class attribute of every model
        config = make_config(made, read_config(folder, made))
        with torch.device("meta"):
            stated = sum(p.numel() for p in kind(config).parameters())
    except CheckpointError:
        raise
    except Exception as error:  # sizes that do not fit each other
        raise CheckpointError(f"{folder / CONFIG} describes no model: {error}") from error
    require_stored(stated, folder / CONFIG)
    return config


def _common(kind: Any) -> set[str]:
    """Fields of every configuration of transformers.

    None is a size, and some make transformers load other code.
    """
    base = kind.__base__
    return {f.name for f in dataclasses.fields(base)} if dataclasses.is_dataclass(base) else set()
