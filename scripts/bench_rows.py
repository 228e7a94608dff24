"""Rows of `benchmark.py --against`, measured by the checkout of Jasco that PYTHONPATH names.

A process of one row: it prepares, then measures once for each line on stdin and answers with a line
of JSON. Rows use names that every version has, so that a former checkout can run them too.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from bench import ENCODEC_32KHZ, Bench, flops, random_400m, train_steps

from jasco import Conditions, Euler, Jasco
from jasco.codec import EnCodec
from jasco.flow import Guidance

try:
    from jasco.device import resolve_dtype
except ImportError:  # its place in 0.1.0
    from jasco.precision import resolve_dtype  # type: ignore[no-redef,import-not-found]

CPU = torch.device("cpu")
LOW = resolve_dtype("auto", CPU)
FRAMES = 500
ORIGINAL, DEFAULT = "clip of 10 s, 400M, as the original", "clip of 10 s, 400M, by default"
DISTILLED = "clip of 10 s, 400M, distilled"
CLIP = Conditions(text="warm 80s synth-pop, driving bass", chords=[("C", 0.0), ("Am", 5.0)])
Measured = dict[str, float]
Measure = Callable[[], Measured]


def timed(run: Callable[[], Any], flop: float = 0.0, dtype: torch.dtype = LOW) -> Measured:
    """Wall time and CPU time (s) of a call; with ``flop``, the share of the rate of products."""
    start, spent = time.perf_counter(), time.process_time()
    run()
    found = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - spent}
    if flop:
        found["share"] = flop / found["seconds"] / Bench(CPU, 1).measure_ceiling(dtype)
    return found


def of_process(*command: str) -> Measured:
    """Wall and CPU time (s) and peak memory (GB) of a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[-1]!r:.60} failed")
    unit = 1e9 if sys.platform == "darwin" else 1e6
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "gb": used.ru_maxrss / unit}


def product() -> Measure:
    """Product of two matrices of 2048, the unit of the shares."""
    a, b = torch.randn(2, 2048, 2048, dtype=LOW)
    return lambda: timed(lambda: a @ b)


def whole_clip(way: str) -> Measure:
    """Clip of 10 s of the 400M size, made as the original makes it, by default or distilled.

    The original takes 50 steps of Euler's method in float32, with all, with the text and without
    conditions. A published checkpoint's default here is that of `jasco.checkpoint.published`.
    """
    distilled: dict[str, Any] = {"distilled_guidance": {"all": [0.0, 10.0], "text": [0.0, 1.0]}}
    model = random_400m(CPU, **(distilled if way == DISTILLED else {}))
    settings: dict[str, Any] = {"solver": Euler(50), "guidance": Guidance(all=5.0, text=0.5)}
    if way != ORIGINAL:
        from jasco import ABM2  # a former checkout has none

        model.dtype = model.codec.decode_dtype = LOW  # as of from_pretrained
        settings["solver"] = ABM2(8, shift=3) if way == DISTILLED else ABM2(14, shift=4)
        settings["guidance"] = Guidance(all=5.0)
    return lambda: timed(lambda: model.generate(CLIP, seed=7, **settings))


def velocity() -> Measure:
    """Guided velocity of the 400M size, two terms of 500 frames."""
    model = random_400m(CPU)
    z, t = torch.randn(1, FRAMES, 128), torch.tensor(0.3)
    with torch.no_grad():
        field = model.guided(model.encode([CLIP], FRAMES), Guidance(all=1.5, text=-0.5))
        flop = flops(lambda: field(t, z))

    @torch.no_grad()
    def run() -> Any:
        with torch.autocast("cpu", LOW, enabled=LOW != torch.float32):
            return field(t, z)

    return lambda: timed(run, flop)


def one_control() -> Measure:
    """Request of the demo with a text alone, in equal steps."""
    model = Jasco.from_pretrained("demo", device="cpu")
    return lambda: timed(lambda: model.generate("funk", seed=7, solver=Euler(8)))


def codec(what: str, low: bool = False) -> Measure:
    """EnCodec of the published size, 10 s."""
    model = EnCodec(config=ENCODEC_32KHZ)
    wav = 0.1 * torch.randn(1, 1, 320000)
    with torch.no_grad():
        latents = model.encode(wav)
    for name in ("encode_dtype", "decode_dtype"):
        if low and hasattr(model, name):
            setattr(model, name, LOW)

    @torch.no_grad()
    def run() -> Any:
        return model.encode(wav) if what == "encode" else model.decode(latents)

    return lambda: timed(run)


def load() -> Measure:
    """Loading of a checkpoint of the 400M size, with its codec and a T5 of base size."""
    scratch = tempfile.TemporaryDirectory()
    folder = random_400m(CPU).save_pretrained(Path(scratch.name, "model"))
    code = "import sys; from jasco import Jasco; Jasco.from_pretrained(sys.argv[1], device='cpu')"
    return lambda: (scratch, of_process(sys.executable, "-c", code, str(folder)))[1]


def cold() -> Measure:
    """First song of the command line, from a cold start."""
    scratch = tempfile.TemporaryDirectory()
    song = str(Path(scratch.name, "song.flac"))
    command = (
        "-m",
        "jasco.cli.generate",
        "funk",
        "--chords",
        "C:0 Am:5",
        "--seed",
        "7",
        "-o",
        song,
    )
    return lambda: (scratch, of_process(sys.executable, *command))[1]


def batch() -> Measure:
    """Eight clips of the demo in one batch."""
    code = (
        "from jasco import Conditions, Jasco; model = Jasco.from_pretrained('demo', device='cpu');"
        "model.generate([Conditions('funk', chords=[('C', 0.0)])] * 8, seed=7)"
    )
    return lambda: of_process(sys.executable, "-c", code)


def default_error() -> Measure:
    """Error in the demo's latents of its default solver, from 200 steps of the midpoint rule."""
    from jasco import Midpoint

    model = Jasco.from_pretrained("demo", device="cpu", dtype="float32")
    exact = model.generate(CLIP, seed=7, solver=Midpoint(48)).latents

    def measure() -> Measured:
        found = model.generate(CLIP, seed=7).latents
        error = float((found - exact).norm() / exact.norm())
        return {"error": error, "spread": float(found.std() / exact.std())}

    return measure


FINE_TUNINGS: dict[str, dict[str, Any]] = {
    "full": {},
    "LoRA": {"adapter": {}},
    "full, checkpointing": {"checkpointing": True},
    "LoRA, bfloat16 base": {"adapter": {"base_dtype": "bfloat16"}},
    "LoRA, bfloat16 base, checkpointing": {
        "adapter": {"base_dtype": "bfloat16"},
        "checkpointing": True,
    },
}
"""Ways to fine-tune: settings of the adapter, of rank 16, and of the module."""
SIZES = ("400m", "1b")


def fine_tuning(size: str, how: str) -> None:
    """Training steps on one clip of 10 s, with averaged weights as ``experiment=finetune`` has.

    Where they are expected not to fit into the memory of this machine, that is the answer.
    """
    from jasco.training.callbacks import EMA
    from jasco.training.flow.adapter import AdapterSettings, attach
    from jasco.training.footprint import footprint

    settings = dict(FINE_TUNINGS[how])
    model = random_400m(CPU, size).train()
    adapter = settings.pop("adapter", None)
    if adapter is not None:
        attach(model, AdapterSettings(**adapter), {})
    expected = footprint(model, 1, torch.bfloat16)
    gb = {"expected_gb": (expected.state + expected.activations) / 1e9}
    if gb["expected_gb"] > available_gb():
        answer(gb)
    else:
        training(model, 1, FRAMES, EMA(), counted=False, facts=gb, **settings)


def available_gb() -> float:
    """Memory (GB) that is free here; infinite where the kernel does not say."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return int(next(x for x in lines if x.startswith("MemAvailable")).split()[1]) / 1e6
    return float("inf")


def batch_of(model: Jasco, count: int, frames: int) -> Any:
    """Clips of noise, all with the conditions `CLIP`, as training takes them."""
    from jasco.data.clips import ClipBatch

    ids = "sample_ids" if "sample_ids" in ClipBatch.__dataclass_fields__ else "numbers"
    values: dict[str, Any] = {
        ids: tuple(range(count)),
        "conditions": (CLIP,) * count,
        "dropped": {name: torch.zeros(count, dtype=torch.bool) for name in model.controls},
        "mask": torch.ones(count, frames, dtype=torch.bool),
        "latents": torch.randn(count, frames, 128),
        "audio": None,
        "t": torch.rand(count),
        "noise": torch.randn(count, frames, 128),
    }
    return ClipBatch(**values)


def step_flops(module: Any, count: int, frames: int) -> float:
    """Operations of a step, from one clip: all of them in float32 would take the most memory."""
    one = batch_of(module.model, 1, frames).to(module.model.device)
    flop = count * flops(lambda: module.losses(one, module.encode(one)).mean().backward())
    module.zero_grad()
    return flop


def training(
    model: Jasco,
    count: int,
    frames: int,
    *more: Any,
    counted: bool = True,
    facts: Measured | None = None,
    **settings: Any,
) -> None:
    """Training steps in the loop of Lightning.

    Args:
        model: model to train.
        count, frames: number and length (latent frames) of the clips of a step.
        more: further callbacks.
        counted: count the operations of a step first, for its share of the ceiling.
        facts: further figures of each answer.
        settings: arguments of `JascoModule`.
    """
    from lightning.pytorch import Callback, Trainer

    try:
        from jasco.training.flow.module import JascoModule
    except ImportError:  # its place in 0.1.0
        from jasco.training.module import JascoModule  # type: ignore[no-redef,attr-defined]

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module: Any = JascoModule(model.train(), **settings)
    clips = batch_of(model, count, frames)
    flop = step_flops(module, count, frames) if counted else 0

    class Ask(Callback):
        steps = 0

        def on_train_batch_start(self, *_: Any) -> None:
            self.start, self.spent = time.perf_counter(), time.process_time()

        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            seconds, cpu = time.perf_counter() - self.start, time.process_time() - self.spent
            self.steps += 1
            if self.steps > 2:
                found = {"seconds": seconds, "cpu": cpu, "gb": peak_gb()} | (facts or {})
                if flop:
                    rate = Bench(CPU, 1).measure_ceiling(torch.bfloat16)
                    found["share"] = flop / seconds / rate
                answer(found)
            if self.steps > 1 and not asked():
                trainer.should_stop = True

    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak is that of training
    train_steps(module, clips, 1000, CPU, *more, Ask())


def peak_gb() -> float:
    """Most memory that this process has held (GB)."""
    with contextlib.suppress(OSError, StopIteration):
        status = Path("/proc/self/status").read_text().splitlines()
        return int(next(x for x in status if x.startswith("VmHWM")).split()[1]) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


ROWS: dict[str, Callable[[], Any]] = {
    "matrix product": product,
    ORIGINAL: lambda: whole_clip(ORIGINAL),
    DEFAULT: lambda: whole_clip(DEFAULT),
    DISTILLED: lambda: whole_clip(DISTILLED),
    "guided velocity, 400M": velocity,
    "demo, one control": one_control,
    "demo, default solver": default_error,
    "demo, batch of 8": batch,
    "demo, cold command": cold,
    "EnCodec encode, float32": lambda: codec("encode"),
    "EnCodec encode, low precision": lambda: codec("encode", low=True),
    "EnCodec decode, float32": lambda: codec("decode"),
    "EnCodec decode, low precision": lambda: codec("decode", low=True),
    "load, 400M": load,
    "training step, demo": lambda: training(
        Jasco.from_pretrained("demo", device="cpu"), 8, FRAMES // 2
    ),
    "training step, 400M": lambda: training(random_400m(CPU), 8, FRAMES),
}
ALONE = {"training step, 400M"}
"""Rows of which two processes together exceed the memory of a small machine."""
FINE_TUNING_ROWS = {
    f"fine-tuning step, {size}, {how}": partial(fine_tuning, size, how)
    for size in SIZES
    for how in FINE_TUNINGS
}


def asked() -> bool:
    """True where one more measurement is wanted, which this waits for."""
    return sys.stdin.readline().strip() == "measure"


def answer(found: Measured) -> None:
    """Write a measurement for the process that asked."""
    print(json.dumps(found), flush=True)


def main() -> None:
    """Measure the row that the command line names."""
    name = sys.argv[1]
    if name in FINE_TUNING_ROWS or name.startswith("training"):
        (ROWS | FINE_TUNING_ROWS)[name]()
        return
    measure = ROWS[name]()
    while asked():
        answer(measure())
