"""Harness of `benchmark.py`: timer, rate of matrix products, counted operations, table rows."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from jasco import Jasco

try:
    from jasco.config import compose_config
except ImportError:  # its place in 0.1.0, which `benchmark.py --against` measures too
    from jasco.cli.config import compose_config  # type: ignore[no-redef,import-not-found]

# Codec and text encoder of published checkpoints, from their public configurations.
ENCODEC_32KHZ = {
    "sampling_rate": 32000,
    "audio_channels": 1,
    "upsampling_ratios": [8, 5, 4, 4],
    "num_filters": 64,
    "hidden_size": 128,
    "codebook_dim": 128,
    "codebook_size": 2048,
    "target_bandwidths": [2.2],
    "use_causal_conv": False,
    "norm_type": "weight_norm",
    "normalize": False,
}
T5_BASE = {"d_model": 768, "d_ff": 3072, "d_kv": 64, "num_heads": 12, "num_layers": 12}


class Bench:
    """Timer of callables on one device, which collects the rows of the table."""

    def __init__(self, device: torch.device, repeats: int) -> None:
        self.device, self.repeats = device, repeats
        self.ceiling: dict[torch.dtype, float] = {}
        self.rows: list[dict[str, Any]] = []

    def seconds(self, run: Callable[[], Any], repeats: int | None = None) -> float:
        """Median time of a call after one to warm up."""
        run()
        times = []
        for _ in range(repeats or self.repeats):
            self.synchronize()
            start = time.perf_counter()
            run()
            self.synchronize()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def peak_memory(self) -> float:
        """Peak memory so far (GB): of the device, or of this process on a CPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated() / 1e9
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1e9 if sys.platform == "darwin" else 1e6)

    def measure_ceiling(self, dtype: torch.dtype) -> float:
        """Rate (FLOP/s) of a large matrix product."""
        size = 8192 if self.device.type == "cuda" else 2048
        a, b = (torch.randn(size, size, device=self.device, dtype=dtype) for _ in range(2))
        product = torch.nn.functional.linear
        rate = 2 * size**3 / self.seconds(lambda: product(a, b), repeats=7)
        self.ceiling[dtype] = max(rate, self.ceiling.get(dtype, 0.0))
        return rate

    def row(self, what: str, seconds: float, **more: Any) -> None:
        """Record a row; ``flop`` with ``dtype`` adds the share of the ceiling."""
        dtype, flop = more.pop("dtype", None), more.pop("flop", None)
        row: dict[str, Any] = {"what": what, "seconds": seconds}
        if dtype is not None:
            row["dtype"] = str(dtype).removeprefix("torch.")
        if flop is not None:
            row |= {"tflop": flop / 1e12, "share": flop / seconds / self.ceiling[dtype]}
        self.rows.append(row | more)
        share = f"{row['share']:7.1%} of the ceiling" if "share" in row else ""
        notes = "  ".join(f"{k}={v:.4g}" for k, v in more.items())
        line = f"{what:<52}{row.get('dtype', ''):>9}{seconds * 1e3:12.2f} ms  {share}  {notes}"
        print(line, flush=True)


def flops(run: Callable[[], Any]) -> int:
    """Floating-point operations of a call, counted by torch."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    return counter.get_total_flops()


def random_400m(device: torch.device, size: str = "400m", **network: Any) -> Jasco:
    """Model of the published 400M size with random weights, without access to the Hub.

    Args:
        device: device of the weights.
        size: name of another size, of the group ``model`` of the configurations.
        network: further arguments of its `jasco.network.VelocityNetwork`.
    """
    config = compose_config(f"+model={size}")
    config["model"]["network"] |= network
    config["model"]["codec"] = {
        "_target_": "jasco.codec.EnCodec",
        "config": ENCODEC_32KHZ,
    }
    text = config["model"]["conditioners"]["text"]
    del text["pretrained"], text["revision"]
    text["config"] = T5_BASE
    torch.manual_seed(0)
    return Jasco.from_config(config).to(device).eval()


def train_steps(module: Any, batch: Any, steps: int, device: torch.device, *callbacks: Any) -> None:
    """Train a module on one batch, in the loop of Lightning and the precision of users."""
    from lightning.pytorch import Trainer
    from torch.utils.data import DataLoader

    trainer = Trainer(
        max_steps=steps,
        accelerator=device.type,
        devices=1,
        precision="bf16-mixed",
        gradient_clip_val=1.0,
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches: Any = [batch] * steps
    trainer.fit(module, DataLoader(batches, batch_size=None))


def machine(device: torch.device) -> dict[str, Any]:
    """Description of the machine of the figures."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    return {
        "device": device.type,
        "name": name or platform.machine(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
