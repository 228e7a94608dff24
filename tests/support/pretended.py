"""A pretended accelerator, to count where a program waits for its device.

Tensors of the device ``fake`` are wrappers of CPU tensors: they compute what the CPU computes, but
an operation that mixes devices raises, and each one that would make the host wait for a real device
is counted by the line of Jasco that called it. Importing this changes torch for the whole process,
so tests run it in one of its own.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

WAITS: Counter[str] = Counter()
COPIES = {"aten::copy_", "aten::_to_copy"}
READS = {
    "aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero", "aten::masked_select",
    "aten::nonzero", "aten::_unique2", "aten::unique_dim", "aten::repeat_interleave",
}  # fmt: skip
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class _Module:
    """Device module of torch for the pretended device."""

    @staticmethod
    def get_amp_supported_dtype() -> list[torch.dtype]:
        return [torch.bfloat16]

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def is_initialized() -> bool:
        return True

    @staticmethod
    def current_device() -> int:
        return 0

    @staticmethod
    def device_count() -> int:
        return 1

    @staticmethod
    def manual_seed_all(seed: int) -> None:
        pass

    @staticmethod
    def _is_in_bad_fork() -> bool:
        return False


_setup_privateuseone_for_python_backend("fake", backend_module=_Module())
FAKE = torch.device("fake", 0)
_tensor, _as_tensor = torch.tensor, torch.as_tensor


def wait(why: str) -> None:
    """Count one wait of the host."""
    frames = [f for f in traceback.extract_stack() if "/jasco/" in f.filename]
    place = frames[-1] if frames else traceback.extract_stack()[-3]
    WAITS[f"{why} at {place.filename.rpartition('/')[2]}:{place.lineno} {place.line}"] += 1


class Held(torch.Tensor):
    """Tensor of the pretended device around one on the CPU."""

    held: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Held:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=FAKE,
        )
        made.held = held
        return made

    def __init__(self, held: torch.Tensor) -> None:
        pass

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(op, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:
        return f"Held({self.held})"

    def tolist(self) -> Any:
        wait("tolist")
        return self.held.tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError("a tensor of the device is not on the CPU")

    def new_tensor(self, data: Any, dtype: torch.dtype | None = None, **_: Any) -> torch.Tensor:
        return tensor(data, dtype=dtype or self.dtype, device=FAKE)

    def __getitem__(self, index: Any) -> torch.Tensor:
        return super().__getitem__(_on_device(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(_on_device(index), value)


def _on_device(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_on_device(part) for part in index)
    return tensor(index, device=FAKE) if isinstance(index, list) else index


def run(op: Any, args: Any, kwargs: Any) -> Any:
    """Result of an operation of the device, computed on the CPU."""
    name = op._schema.name
    leaves = tree_leaves((args, kwargs))
    ours = [leaf for leaf in leaves if isinstance(leaf, Held)]
    others = [x for x in leaves if isinstance(x, torch.Tensor) and not isinstance(x, Held)]
    if name in INDEXING:
        indices = [index for index in args[1] if index is not None]
        if any(index.dtype == torch.bool or not isinstance(index, Held) for index in indices):
            wait("index")
        others = [x for x in others if not any(x is index for index in indices)]
    if ours and name not in COPIES and any(other.dim() for other in others):
        shapes = [(tuple(x.shape), str(x.device)) for x in (*ours, *others)]
        raise RuntimeError(f"{op} mixes devices: {shapes}")
    if name in READS:
        wait(name.removeprefix("aten::"))
    device = kwargs.get("device")
    to_cpu = name == "aten::_to_copy" and device is not None and device.type == "cpu"
    crossing = to_cpu or (name == "aten::copy_" and bool(others))
    blocking = not (kwargs.get("non_blocking") or (name == "aten::copy_" and args[2:] == (True,)))
    if crossing and blocking:
        wait("copy from the device" if to_cpu or others[0] is args[0] else "copy to the device")
    values, options = tree_map(_bare, (args, kwargs))
    result = INSTEAD.get(name, op)(*values, **options)
    if to_cpu:
        return result.clone()
    known = {id(x.held): x for x in ours} | {id(x): x for x in others}

    def wrap(x: Any) -> Any:
        return known.get(id(x), Held(x)) if isinstance(x, torch.Tensor) else x

    return tree_map(wrap, result)


def _lstm_cell(
    inputs: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor, *biases: torch.Tensor | None
) -> tuple[torch.Tensor, ...]:
    """Step of an LSTM, which devices fuse into one operation that the CPU lacks."""
    gates = sum([bias for bias in biases if bias is not None], start=inputs + hidden)
    enter, forget, change, leave = gates.chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * change.tanh()
    return leave.sigmoid() * cell.tanh(), cell, gates


def _lstm_cell_backward(
    grad_hidden: torch.Tensor | None,
    grad_cell: torch.Tensor | None,
    before: torch.Tensor,
    cell: torch.Tensor,
    gates: torch.Tensor,
    has_bias: bool,
) -> tuple[torch.Tensor, ...]:
    """Gradients of `_lstm_cell` for gates, cell before and bias."""
    enter, forget, change, leave = gates.chunk(4, dim=-1)
    enter, forget, change, leave = enter.sigmoid(), forget.sigmoid(), change.tanh(), leave.sigmoid()
    shown = cell.tanh()
    hidden = torch.zeros_like(cell) if grad_hidden is None else grad_hidden
    total = hidden * leave * (1 - shown**2) + (0 if grad_cell is None else grad_cell)
    parts = (
        total * change * enter * (1 - enter),
        total * before * forget * (1 - forget),
        total * enter * (1 - change**2),
        hidden * shown * leave * (1 - leave),
    )
    found = torch.cat(parts, dim=-1)
    return found, total * forget, found.sum(0)


INSTEAD = {  # what the CPU lacks
    "aten::_thnn_fused_lstm_cell": _lstm_cell,
    "aten::_thnn_fused_lstm_cell_backward_impl": _lstm_cell_backward,
}


def _bare(x: Any) -> Any:
    if isinstance(x, Held):
        return x.held
    return torch.device("cpu") if isinstance(x, torch.device) else x


_library = torch.library.Library("_", "IMPL")
_library.fallback(lambda op, *args, **kwargs: run(op, args, kwargs), "PrivateUse1")


def tensor(data: Any, *, device: Any = None, **options: Any) -> torch.Tensor:
    """`torch.tensor`, which waits where it copies data to the device."""
    made = _tensor(data, **options)
    if device is None or torch.device(device).type != "fake":
        return made if device is None else made.to(device)
    wait("copy to the device")
    return Held(made)


def _no_grad(mode: Any = True) -> Any:
    """`torch.no_grad` for `torch.inference_mode`, in which wrappers have no version counter."""
    return torch.no_grad()(mode) if callable(mode) else torch.no_grad()


def _stft(wav: torch.Tensor, n_fft: int, hop: int, window: torch.Tensor, **more: Any) -> Any:
    """`torch.stft` without its transposition in place, which wrappers do not follow."""
    if wav.device != FAKE:
        return _cpu_stft(wav, n_fft, hop, window=window, **more)
    padded = torch.nn.functional.pad(wav, (n_fft // 2, n_fft // 2))
    return torch.fft.rfft(padded.unfold(-1, n_fft, hop) * window).transpose(1, 2)


_cpu_stft, torch.stft = torch.stft, _stft  # type: ignore[assignment]
torch.tensor = tensor
torch.inference_mode = _no_grad  # type: ignore[misc, assignment]


@contextmanager
def waits() -> Iterator[Counter[str]]:
    """Waits of the host within the context, by place."""
    WAITS.clear()
    found: Counter[str] = Counter()
    yield found
    found.update(WAITS)
