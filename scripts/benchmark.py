"""Benchmark: speed and memory of Jasco on this machine, relative to its matrix-product rate.

    python scripts/benchmark.py                     # everything
    python scripts/benchmark.py velocity codec      # some of it
    python scripts/benchmark.py --device cuda velocity compile generate codec
    python scripts/benchmark.py --json speed.json
    python scripts/benchmark.py --against ../before # ratios to another checkout, run interleaved

Each time is also given as a share of the rate of a plain matrix product of the same precision,
measured just before, which makes figures of different machines comparable. Weights are random,
which does not affect the speed.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from bench import ENCODEC_32KHZ, Bench, flops, machine, random_400m
from bench_against import against
from bench_rows import ROWS
from bench_training import bench_finetune, bench_train

from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.codec import EnCodec
from jasco.conditions import Conditions
from jasco.device import resolve_device, resolve_dtype
from jasco.encodec import FourierDecoder
from jasco.encodec.fourier import sizes_of
from jasco.encodec.seanet import Decoder
from jasco.errors import MissingPartError
from jasco.extract.chordino import SAMPLE_RATE as CHORDINO_RATE
from jasco.extract.chordino import cadence
from jasco.extract.chords import extract_chords
from jasco.extract.demucs import DrumNetwork
from jasco.extract.drums import DrumSeparator
from jasco.extract.salience import FRAME_RATE, resample
from jasco.extract.salience import SAMPLE_RATE as SALIENCE_RATE
from jasco.extract.salience.hcqt import HarmonicCQT, log_level, num_frames, pyramid
from jasco.extract.salience.network import SalienceNetwork
from jasco.flow import AB2, Euler, Guidance
from jasco.model import Jasco
from jasco.network import VelocityGraphs

FRAMES = 500


def bench_ceiling(bench: Bench) -> None:
    """Matrix products alone."""
    for dtype in dict.fromkeys((torch.float32, resolve_dtype("auto", bench.device))):
        rate = bench.measure_ceiling(dtype)
        size = 8192 if bench.device.type == "cuda" else 2048
        bench.row("matrix product", 2 * size**3 / rate, dtype=dtype, gflops=rate / 1e9)


def bench_velocity(bench: Bench, *, compiled: bool = False) -> None:
    """One guided velocity of two terms and 500 frames, the cost of a solver step."""
    model = random_400m(bench.device)
    clip = Conditions(text="warm 80s synth-pop, driving bass", chords=[("C", 0.0), ("Am", 5.0)])
    z = torch.randn(1, FRAMES, 128, device=bench.device)
    t = torch.tensor(0.3, device=bench.device)
    results: dict[torch.dtype, torch.Tensor] = {}
    seconds: dict[torch.dtype, float] = {}
    graphs = VelocityGraphs(enabled=True)
    with torch.no_grad():
        field = model.guided(model.encode([clip], FRAMES), Guidance(all=1.5, text=-0.5))
        flop = flops(lambda: field(t, z))

        def measure(how: str, run: Callable[[], torch.Tensor], dtype: torch.dtype) -> None:
            bench.measure_ceiling(dtype)
            found = run().float()
            reference = results.setdefault(torch.float32, found)
            taken = bench.seconds(run)
            bench.measure_ceiling(dtype)
            bench.row(
                f"guided velocity, 400M, 2 terms, 10 s{how}",
                taken,
                dtype=dtype,
                flop=flop,
                speedup=seconds.setdefault(torch.float32, taken) / taken,
                error=((found - reference).norm() / reference.norm()).item(),
            )

        for dtype in dict.fromkeys((torch.float32, resolve_dtype("auto", bench.device))):
            with torch.autocast(bench.device.type, dtype, enabled=dtype != torch.float32):
                measure("", lambda: field(t, z), dtype)
            with graphs.recorded(field, z, dtype) as recorded:
                if recorded is not field:
                    measure(", graph", lambda: recorded(t, z), dtype)  # noqa: B023
        if compiled:
            model.network.compile()
            with torch.autocast(bench.device.type, dtype, enabled=dtype != torch.float32):
                measure(", compiled", lambda: field(t, z), dtype)
            with VelocityGraphs(enabled=True).recorded(field, z, dtype) as recorded:
                if recorded is not field:
                    measure(", compiled graph", lambda: recorded(t, z), dtype)


def bench_compile(bench: Bench) -> None:
    """The same with the network compiled by torch, which takes a minute."""
    bench_velocity(bench, compiled=True)


def bench_generate(bench: Bench) -> None:
    """Whole clips of 10 s: conditions, flow and decoding, by number of clips and solver."""
    model = random_400m(bench.device)
    model.graphs.enabled = True
    model.dtype = resolve_dtype("auto", bench.device)
    clip = Conditions(text="warm 80s synth-pop, driving bass", chords=[("C", 0.0), ("Am", 5.0)])
    low = dict.fromkeys((torch.float32, model.dtype))
    for count in (1, 8, 32) if bench.device.type == "cuda" else (1,):
        for solver in (Euler(50), AB2(8, shift=3)):
            for model.codec.decode_dtype in low:
                seconds = bench.seconds(
                    lambda: model.generate([clip] * count, solver=solver, seed=7),  # noqa: B023
                    repeats=3,
                )
                bench.row(
                    f"{count} clips, {solver.name} {solver.steps}, decoded in "
                    f"{str(model.codec.decode_dtype).removeprefix('torch.')}",
                    seconds,
                    dtype=model.dtype,
                    times_real_time=10 * count / seconds,
                    peak_memory_gb=bench.peak_memory(),
                )


def bench_codec(bench: Bench) -> None:
    """EnCodec of the published size on 10 s of audio."""
    codec = EnCodec(config=ENCODEC_32KHZ).to(bench.device)
    wav = 0.1 * torch.randn(1, 1, 320000, device=bench.device)
    with torch.no_grad():
        latents = codec.encode(wav)
        expected = codec.decode(latents)
        low = resolve_dtype("auto", bench.device)
        runs = [("encode", torch.float32), ("decode", torch.float32), ("decode", low)]
        for what, dtype in dict.fromkeys(runs):
            bench.measure_ceiling(dtype)
            codec.decode_dtype = dtype
            run = (lambda: codec.encode(wav)) if what == "encode" else lambda: codec.decode(latents)
            seconds = bench.seconds(run, repeats=3)
            error = 0.0 if what == "encode" else (run() - expected).norm() / expected.norm()
            bench.row(
                f"EnCodec {what}, 10 s",
                seconds,
                dtype=dtype,
                flop=flops(run),
                times_real_time=10 / seconds,
                page_faults=page_faults(run),
                error=float(error),
            )
        minute = 0.1 * torch.randn(1, 1, 60 * 32000, device=bench.device)
        before = bench.peak_memory()
        seconds = bench.seconds(lambda: codec.decode(codec.encode(minute)), repeats=1)
        bench.row(
            "EnCodec encode and decode, 60 s",
            seconds,
            times_real_time=60 / seconds,
            more_peak_memory_gb=bench.peak_memory() - before,
        )


def bench_decoder(bench: Bench) -> None:
    """Decoders of the sizes of the demo's codec on 10 s, in turns: EnCodec's, and a Fourier one."""
    codec = CodecSource("demo").load(bench.device)
    sizes = sizes_of(codec.model.config)
    own: Any = Decoder(codec.model.config).to(bench.device)
    fourier = FourierDecoder(config=sizes).to(bench.device)
    latents = torch.randn(1, FRAMES, codec.latent_dim, device=bench.device)
    for dtype in dict.fromkeys((torch.float32, resolve_dtype("auto", bench.device))):
        codec.decode_dtype = dtype
        times: dict[str, list[float]] = {"EnCodec": [], "Fourier": []}
        for _ in range(bench.repeats):
            for name, codec.decoder in (("EnCodec", own), ("Fourier", fourier)):
                with torch.no_grad():
                    times[name].append(bench.seconds(lambda: codec.decode(latents), repeats=1))
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        for name, seconds in medians.items():
            bench.row(
                f"demo, decode by {name}, 10 s",
                seconds,
                dtype=dtype,
                speedup=medians["EnCodec"] / seconds,
            )


def page_faults(run: Callable[[], Any]) -> int:
    """Page faults of a call: pages of memory that the system clears for it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    run()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def bench_load(bench: Bench) -> None:
    """Saving and loading a 400M checkpoint folder, with its codec and a T5 of base size."""
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        folder = random_400m(torch.device("cpu")).save_pretrained(Path(scratch, "model"))
        bench.row("make and save, 400M", time.perf_counter() - start)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        seconds = bench.seconds(
            lambda: Jasco.from_pretrained(folder, device=bench.device), repeats=2
        )
        bench.row("load, 400M", seconds, gigabytes=size / 1e9)


def bench_chords(bench: Bench) -> None:
    """Chordino on three minutes of stereo; a plugin on the CPU."""
    name, samples = "chords of 3 min, Chordino", torch.from_numpy(cadence()[1])
    music = samples.repeat(2, 23)[:, : 180 * CHORDINO_RATE]
    noise = 1e-3 * torch.randn(music.shape, generator=torch.Generator().manual_seed(0))
    for rate in (CHORDINO_RATE, 48000):
        audio = Audio(music + noise, CHORDINO_RATE).resample(rate)
        seconds = bench.seconds(lambda audio=audio: extract_chords(audio), repeats=3)  # type: ignore[misc]
        bench.row(f"{name}, {rate} Hz", seconds, times_real_time=180 / seconds)


def bench_drums(bench: Bench) -> None:
    """Separation by a network of the size of `htdemucs`, with random weights."""
    try:
        from demucs.htdemucs import HTDemucs
    except ImportError as error:
        raise MissingPartError("drums need Demucs: pip install 'jasco[drums]'") from error
    torch.manual_seed(0)
    sources, segment = ["drums", "bass", "other", "vocals"], Fraction(39, 5)
    demucs = HTDemucs(sources, bottom_channels=512, segment=segment)
    network = DrumNetwork([demucs], sample_rate=44100, channels=2, segment=segment)
    window = 0.1 * torch.randn(1, 2, int(segment * network.sample_rate), device=bench.device)
    with torch.inference_mode():
        flop = flops(lambda: network.to(bench.device)(window))
    # The cost of one window of a long recording, a quarter of which overlaps with the next.
    stride = DrumSeparator(network, device=bench.device).stride
    audio = Audio(window[0, :, :stride].cpu(), network.sample_rate)
    drums = {}
    for dtype in dict.fromkeys((torch.float32, resolve_dtype("auto", bench.device))):
        bench.measure_ceiling(dtype)
        separator = DrumSeparator(network, device=bench.device, dtype=dtype)
        drums[dtype] = separator(audio).samples
        seconds = bench.seconds(lambda s=separator: s(audio), repeats=2)  # type: ignore[misc]
        bench.measure_ceiling(dtype)
        difference = (drums[dtype] - drums[torch.float32]).norm()
        bench.row(
            f"drums of {audio.duration:.1f} s, htdemucs",
            seconds,
            dtype=dtype,
            flop=flop,
            times_real_time=audio.duration / seconds,
            error=(difference / drums[torch.float32].norm()).item(),
        )


def bench_melody(bench: Bench) -> None:
    """Deep salience of a minute of audio: the transform, the network, and both together."""
    seconds, chunk = 60, 250
    audio = 0.1 * torch.randn(seconds * 44100, device=bench.device)
    transform = HarmonicCQT(bench.device)
    frames = num_frames(seconds * SALIENCE_RATE)
    waveform = resample(audio, 44100, SALIENCE_RATE)

    def hcqt() -> None:
        signals = pyramid(waveform)
        for start in range(0, frames, chunk):
            power = transform.power(signals, start, min(start + chunk, frames))
            log_level(power, power.max())

    taken = bench.seconds(hcqt, repeats=3)
    bench.row("HCQT, 60 s", taken, times_real_time=seconds / taken)
    levels = torch.rand(1, chunk, 304, 6, device=bench.device).permute(0, 3, 2, 1)
    for dtype in dict.fromkeys((torch.float32, resolve_dtype("auto", bench.device))):
        bench.measure_ceiling(dtype)
        network = SalienceNetwork(dtype).to(bench.device).eval()
        with torch.inference_mode():
            taken = bench.seconds(lambda n=network: n(levels), repeats=3)  # type: ignore[misc]
            flop = flops(lambda n=network: n(levels))  # type: ignore[misc]
        bench.row(
            "deep-salience network, 250 frames",
            taken,
            dtype=dtype,
            flop=flop,
            times_real_time=chunk / FRAME_RATE / taken,
        )


SECTIONS = {
    "ceiling": bench_ceiling,
    "velocity": bench_velocity,
    "generate": bench_generate,
    "codec": bench_codec,
    "decoder": bench_decoder,
    "load": bench_load,
    "train": bench_train,
    "chords": bench_chords,
    "melody": bench_melody,
    "drums": bench_drums,
}
ON_REQUEST = {"compile": bench_compile, "finetune": bench_finetune}


def main(argv: list[str] | None = None) -> int:
    """Run the requested sections; print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS | ON_REQUEST)
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="checkout to compare with, on the CPU"
    )
    parser.add_argument(
        "--row", action="append", choices=list(ROWS), help="row to compare, by default all"
    )
    args = parser.parse_args(argv)
    if args.against:
        return against(args.against.resolve(), args.row or list(ROWS), args.repeats, args.json)
    sections = SECTIONS | ON_REQUEST
    unknown = set(args.sections) - sections.keys()
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(sections)}")
    bench = Bench(resolve_device(args.device), args.repeats)
    facts = machine(bench.device)
    print("  ".join(f"{key}={value}" for key, value in facts.items()))
    for name in args.sections or SECTIONS:
        try:
            sections[name](bench)
        except MissingPartError as error:
            print(f"{name}: left out, {error}")
    facts["peak_memory_gb"] = bench.peak_memory()
    print(f"peak memory {facts['peak_memory_gb']:.2f} GB")
    if args.json:
        args.json.write_text(json.dumps({"machine": facts, "rows": bench.rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
