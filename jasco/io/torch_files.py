"""Reading of tensors from untrusted files: dense, finite, and bounded by the file's size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from jasco.errors import CheckpointError
from jasco.io.files import regular_file

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# Statistics of codebook training, unused in generation. In published float16 files they may be inf.
_UNUSED = (".codebook.embed_avg", ".codebook.cluster_size")
ALIGNMENT = 64
"""Alignment of the tensors that torch allocates (bytes)."""
_MOST_SHARING = 4
"""Largest ratio of the tensors' bytes to the file's; tied tensors are stored once."""


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file.

    Raises:
        CheckpointError: the file is missing, broken or not a regular file.
    """
    try:
        return load_file(regular_file(path, CheckpointError))
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def read_torch(path: Path) -> Any:
    """Plain data and tensors of a `torch.save` file; nothing else is loaded.

    Raises:
        CheckpointError: the file is missing, broken, or holds code.
    """
    regular_file(path, CheckpointError)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"{path} cannot be read as torch weights: {reason[0]}") from error


def state_of(found: Any, path: Path) -> dict[str, Tensor]:
    """State dict of a torch file, checked against shapes that exceed the stored data.

    Args:
        found: contents of the file.
        path: path of the file.

    Raises:
        CheckpointError: not a mapping of names to dense tensors, or larger than the file.
    """
    if not isinstance(found, Mapping):
        raise CheckpointError(f"{path} holds a {type(found).__name__} in place of its tensors")
    state: dict[str, Tensor] = {}
    total = 0
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(
                f"{path} has {name!r:.60} among its tensors, a {type(tensor).__name__}"
            )
        stored = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta
        size = tensor.numel() * tensor.element_size()
        if not stored or size > tensor.untyped_storage().nbytes():
            raise CheckpointError(f"{path} does not hold all values of the tensor {name!r:.60}")
        total += size
        state[name] = tensor
    if total > _MOST_SHARING * path.stat().st_size:
        raise CheckpointError(
            f"the tensors of {path} unfold to more than {_MOST_SHARING} times its size"
        )
    return state


def stored_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the floating-point tensors in the safetensors files of a folder.

    Raises:
        CheckpointError: there is no such file, one cannot be read, or one holds integers.
    """
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise CheckpointError(f"{folder} holds no weights (model.safetensors)")
    shapes: dict[str, tuple[int, ...]] = {}
    for path in paths:
        try:
            with safe_open(regular_file(path, CheckpointError), framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 (no mapping)
                    part = file.get_slice(name)
                    if part.get_dtype() not in ("F16", "BF16", "F32", "F64"):
                        raise CheckpointError(
                            f"{path}: the tensor {name!r:.80} is of type {part.get_dtype()}, not "
                            "of floating-point numbers"
                        )
                    shapes[name] = tuple(part.get_shape())
        except (OSError, SafetensorError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
    return shapes


def misfits(
    tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], optional: Iterable[str] = ()
) -> list[str]:
    """Differences between two state dicts, by name, shape and type but not by value.

    Args:
        tensors: tensors to load.
        own: tensors of the module.
        optional: prefixes of the module's tensors that may be missing.
    """
    both = tensors.keys() & own.keys()
    may_miss = tuple(optional)
    found = {
        "missing": [k for k in own if k not in tensors and not k.startswith(may_miss)],
        "left over": [k for k in tensors if k not in own],
        "wrong shape": [
            f"{k} {tuple(tensors[k].shape)} instead of {tuple(own[k].shape)}"
            for k in own
            if k in both and tensors[k].shape != own[k].shape
        ],
        "wrong type": [
            f"{k} {_name(tensors[k].dtype)} instead of {_name(own[k].dtype)}"
            for k in own
            if k in both and not _same_kind(tensors[k].dtype, own[k].dtype)
        ],
    }
    return [f"{what}: {_first(names)}" for what, names in found.items() if names]


def aligned(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in a format, contiguous and aligned.

    Files align tensors to 8 bytes only, where matrix-vector products differ in their last bits
    from those of tensors that torch has allocated.
    """
    if tensor.dtype != dtype or not tensor.is_contiguous() or tensor.data_ptr() % ALIGNMENT:
        return torch.empty(tensor.shape, dtype=dtype).copy_(tensor)
    return tensor


def require_stored(stated: int, config: Path) -> None:
    """Check that the files beside a configuration hold as many weights as it states.

    Raises:
        CheckpointError: they hold fewer, or cannot be read.
    """
    held = sum(math.prod(shape) for shape in stored_shapes(config.parent).values())
    if stated > held:
        raise CheckpointError(
            f"{config} describes {stated:,} weights and its files hold {held:,}: they do not "
            "belong together"
        )


def require_finite(tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Check tensors for NaN and infinity, except in unused statistics.

    Args:
        tensors: name -> tensor.
        source: origin of the tensors, for the message.

    Raises:
        CheckpointError: tensors hold values that are not finite; the message names them.
    """
    bad = [
        name
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not name.endswith(_UNUSED) and not _is_finite(tensor)
    ]
    if bad:
        raise CheckpointError(
            f"the weights of {source} are not finite (NaN or infinity): {_first(bad)}; the file "
            "is damaged, fetch or train it again"
        )


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.numel():
        return True
    least, most = torch.aminmax(tensor.detach())  # propagates NaN without a copy
    limits = torch.stack([least, most]).to(torch.float32)
    return bool(limits.isfinite().all())


def _same_kind(given: torch.dtype, own: torch.dtype) -> bool:
    return given in FLOATS if own in FLOATS else given == own


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _first(names: list[str]) -> str:
    return ", ".join(name[:120] for name in names[:5]) + (" and more" if len(names) > 5 else "")
