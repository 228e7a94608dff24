from __future__ import annotations

import pytest
import torch

from jasco.device import available_devices, resolve_device, resolve_dtype, supports_bfloat16
from jasco.errors import SettingError

CPU = torch.device("cpu")


def test_auto_device_is_the_fastest_one_here() -> None:
    assert resolve_device() == torch.device(available_devices()[0])
    assert available_devices()[-1] == "cpu"


@pytest.mark.parametrize("device", ["cpu", CPU, *available_devices()])
def test_a_present_device_is_taken_as_it_is(device: str | torch.device) -> None:
    assert resolve_device(device) == torch.device(device)


@pytest.mark.parametrize(
    "device", ["tpu", "", "cuda:99", "gpu", "meta", torch.device("meta"), None]
)
def test_an_absent_device_is_refused_with_the_choices(device: str) -> None:
    with pytest.raises(SettingError, match="cpu|cuda:0"):
        resolve_device(device)


def test_auto_dtype_follows_the_hardware() -> None:
    for name in available_devices():
        device = torch.device(name)
        expected = torch.bfloat16 if supports_bfloat16(device) else torch.float32
        assert resolve_dtype("auto", device) is expected


def test_bfloat16_on_the_cpu_agrees_with_the_kernel() -> None:
    """Linux lists the same instruction sets in /proc/cpuinfo, read here by other code."""
    try:
        with open("/proc/cpuinfo") as lines:
            flags = {
                f for line in lines if line.startswith(("flags", "Features")) for f in line.split()
            }
    except FileNotFoundError:
        flags = {n for n, there in torch.cpu.get_capabilities().items() if there is True}
    assert supports_bfloat16(CPU) == bool(
        flags & {"avx512_bf16", "amx_bf16", "bf16", "svebf16", "sve_bf16"}
    )


@pytest.mark.parametrize("name, dtype", [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_a_named_dtype_is_taken_whatever_the_hardware(name: str, dtype: torch.dtype) -> None:
    assert resolve_dtype(name, CPU) is resolve_dtype(dtype, CPU) is dtype


@pytest.mark.parametrize("dtype", ["float8", "half", "", torch.int64, torch.float16, 32])
def test_another_dtype_is_refused_with_the_choices(dtype: str) -> None:
    with pytest.raises(SettingError, match="auto, float32, bfloat16"):
        resolve_dtype(dtype, CPU)
