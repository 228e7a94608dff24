"""Devices, and floating-point formats for computing and storing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from jasco.errors import SettingError, shortened

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
STORED = DTYPES | {"float16": torch.float16}
"""Formats of stored weights, which are converted to float32 when they are loaded."""

M = TypeVar("M", bound=nn.Module)

# Instruction sets that multiply bfloat16 matrices: AVX-512 and AMX on x86, NEON and SVE on ARM.
_CPU_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def available_devices() -> list[str]:
    """Names of the devices on this machine, the fastest first: ``cuda``, ``mps``, ``cpu``."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, there in present.items() if there] + ["cpu"]


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Device to compute on.

    Args:
        device: ``"auto"`` for the fastest on this machine, else ``"cpu"``, ``"cuda"``,
            ``"cuda:1"``, ``"mps"`` or a :class:`torch.device`.

    Raises:
        SettingError: an unknown device, or one that this machine lacks.
    """
    names = available_devices()
    if device == "auto":
        return torch.device(names[0])
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise SettingError(f"device {device!r} is unknown; use auto, {', '.join(names)}") from error
    if resolved.type not in names:
        raise SettingError(
            f"device {str(device)!r} is not on this machine; use auto, {', '.join(names)}"
        )
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise SettingError(
            f"device {str(device)!r} is not on this machine, "
            f"which has cuda:0 to cuda:{torch.cuda.device_count() - 1}"
        )
    return resolved


def supports_bfloat16(device: torch.device) -> bool:
    """True where the hardware multiplies bfloat16 matrices; emulation would be slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # The instructions are used only through oneDNN (mkldnn).
        capabilities = torch.cpu.get_capabilities()
        has_instructions = any(capabilities.get(name, False) for name in _CPU_BFLOAT16)
        return has_instructions and torch.backends.mkldnn.is_available()
    return False


def resolve_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """Format of matrix products on ``device``.

    Args:
        dtype: ``"auto"`` for bfloat16 where :func:`supports_bfloat16` and float32 elsewhere,
            else ``"float32"``, ``"bfloat16"`` or one of these as a :class:`torch.dtype`.
        device: device of the products.

    Raises:
        SettingError: any other value.
    """
    if dtype == "auto":
        return torch.bfloat16 if supports_bfloat16(device) else torch.float32
    if isinstance(dtype, str) and dtype in DTYPES:
        return DTYPES[dtype]
    if isinstance(dtype, torch.dtype) and dtype in DTYPES.values():
        return dtype
    raise SettingError(f"dtype {str(dtype)!r} is not supported; use auto, {', '.join(DTYPES)}")


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on ``device``, copied from pinned memory so that the host need not wait for it."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def autocast_dtype(x: Tensor) -> torch.dtype:
    """Format of matrix products of ``x``: that of autocast where it is on, else its own."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Float32 arithmetic, without autocast and without TF32.

    GPUs convolve in TF32, with 10 bits of mantissa, unless told otherwise. Latents and drum codes
    of a file would then depend on the device, under one fingerprint.
    """
    with torch.autocast(device.type, enabled=False):
        if device.type != "cuda":
            yield
            return
        convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
        before = convolutions.allow_tf32, products.allow_tf32
        try:
            convolutions.allow_tf32 = products.allow_tf32 = False
            yield
        finally:
            convolutions.allow_tf32, products.allow_tf32 = before


_WEIGHTS = (
    "weights stay in float32, so they are not made {}: "
    'Jasco.from_pretrained(name, dtype="bfloat16") keeps them in bfloat16, generation computes in '
    "bfloat16 after model.dtype = torch.bfloat16, and "
    'save_pretrained(folder, dtype="float16") stores half the size'
)


class Float32Module(nn.Module):
    """Module that can be moved between devices, with weights in float32 only."""

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device; weights stay in float32.

        Raises:
            SettingError: a device that this machine lacks, or another precision.
        """
        for value in (*args, *kwargs.values()):
            if isinstance(value, Tensor):
                value = value.dtype
            if isinstance(value, torch.dtype) and value != torch.float32:
                raise SettingError(_WEIGHTS.format(str(value).removeprefix("torch.")))
            if isinstance(value, str | torch.device):
                resolve_device(value)
        try:
            return super().to(*args, **kwargs)
        except (TypeError, RuntimeError) as error:
            given = ", ".join(map(shortened, (*args, *kwargs.values())))
            raise SettingError(f"a model is moved to a device, not to {given}") from error

    def half(self) -> Self:
        """Raise an error, see `to`."""
        return self.to(torch.float16)

    def bfloat16(self) -> Self:
        """Raise an error, see `to`."""
        return self.to(torch.bfloat16)

    def double(self) -> Self:
        """Raise an error, see `to`."""
        return self.to(torch.float64)

    def type(self, dst_type: Any) -> Self:
        """Raise an error for any type but float32, see `to`."""
        return self.to(dst_type) if isinstance(dst_type, torch.dtype) else self.to(torch.float16)


def rounded(module: M, dtype: str) -> M:
    """Copy of a module with floating-point tensors rounded to a format of `STORED`.

    Raises:
        SettingError: an unknown format, or a weight beyond its range.
    """
    if dtype not in STORED:
        raise SettingError(f"weights are stored as {', '.join(STORED)}, not as {dtype!r}")
    half = nn.Module.to(copy.deepcopy(module), STORED[dtype])  # `Float32Module.to` would refuse
    for name, tensor in half.state_dict().items():
        if not bool(tensor.isfinite().all()):
            raise SettingError(f"{name} goes beyond the range of {dtype}: store it as bfloat16")
    return half
