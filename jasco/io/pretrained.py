"""Configurations of parts of a model, in the layout of transformers, with bounded sizes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jasco.errors import CheckpointError, SettingError
from jasco.io.plain import read_object

CONFIG = "config.json"
MAX_SIZE = 1_000_000
MAX_LAYERS = 128
_COUNTS = ("num_layers", "num_decoder_layers", "num_residual_layers", "num_lstm_layers")


def read_config(folder: Path, kind: Any) -> dict[str, Any]:
    """Fields of a configuration class in a folder's ``config.json``.

    Raises:
        CheckpointError: the file is missing, broken, of another class, or holds invalid values.
    """
    values = read_object(folder / CONFIG, CheckpointError)
    if values.get("model_type") != kind.model_type:
        raise CheckpointError(
            f"{folder / CONFIG} is that of a {values.get('model_type')!r:.40}, not of a "
            f"{kind.model_type!r}"
        )
    known = inspect.signature(kind).parameters.keys()
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
    unknown = values.keys() - inspect.signature(kind).parameters.keys()
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
