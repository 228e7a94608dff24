"""Measure `jasco-serve` under load: answers, speed against offline batches, memory and files.

    python scripts/measure_server.py load --clients 64 --requests 20
    python scripts/measure_server.py mixed --minutes 60 --rate 4

`load` gives every client its requests and compares the answers with the same requests made alone,
and the speed with that of the same takes made offline, by turns. `mixed` sends takes, jobs,
streams, edits, cancelled and slow requests and 500 kinds of malformed ones, while it kills workers
and readers. Either starts a server of its own and ends with code 1 where a figure is not met.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from server_clients import Mixed, request  # noqa: E402
from servers import Running, running  # type: ignore[import-not-found]  # noqa: E402

TOLERANCE = 0.05
"""Largest difference of a batch to the same request alone, relative to its level: of bfloat16."""
DRIFT = 0.05
"""Largest change of the memory after warm-up."""


def memory(server: Running) -> dict[int, float]:
    """Memory that the server and its children allocated, by process (MB).

    Pages of libraries are left out: a process shares them with all others of the machine, so that
    its part of them grows where another program ends.
    """
    found = {}
    for pid in (server.process.pid, *server.children()):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has just been killed
            continue
        found[pid] = (
            int(next(line for line in lines if line.startswith("Pss_Anon:")).split()[1]) / 1024
        )
    return found


def percentile(seconds: list[float], share: float) -> float:
    """Percentile of times (s)."""
    return float(np.percentile(seconds, 100 * share)) if seconds else float("nan")


# --- load -----------------------------------------------------------------------------------------


def load(args: argparse.Namespace) -> bool:
    """Requests of many clients at once, by turns with offline batches; true where all is met."""
    total = args.clients * args.requests
    answers: dict[int, bytes] = {}
    seconds: list[float] = []
    statuses: Counter[str] = Counter()

    def client(numbers: range) -> None:
        with httpx.Client(base_url=url, timeout=args.timeout) as session:
            for number in numbers:
                body = request(number, args) | {"format": "wav", "loudness": "none"}
                begun = time.monotonic()
                while True:
                    answer = session.post("/v1/generate", json=body)
                    statuses[str(answer.status_code)] += 1
                    if answer.status_code != 429:
                        break
                    time.sleep(float(answer.headers["retry-after"]) * random.uniform(0.5, 1))
                seconds.append(time.monotonic() - begun)
                if answer.status_code == 200:
                    answers[number] = answer.content

    offline, speeds, offline_speeds = Offline(args), [], []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), *options(args)) as server:
        url = server.url
        before = sum(memory(server).values())
        edges = np.linspace(0, total, args.rounds + 1).astype(int)
        for first, last in zip(edges[:-1], edges[1:], strict=True):
            begun = time.monotonic()
            offline.make(list(range(args.offline // args.rounds)), args.batch_size)
            offline_speeds.append((args.offline // args.rounds) / (time.monotonic() - begun))
            begun = time.monotonic()
            with ThreadPoolExecutor(args.clients) as pool:
                list(
                    pool.map(
                        client,
                        [range(k, last, args.clients) for k in range(first, first + args.clients)],
                    )
                )
            speeds.append((last - first) / (time.monotonic() - begun))
        after = sum(memory(server).values())
        left = settled(server)
    ratios = [own / other for own, other in zip(speeds, offline_speeds, strict=True)]
    alone, differences = offline.compared(answers)
    errors = sum(count for status, count in statuses.items() if status not in ("200", "429"))
    print(f"answers: {dict(statuses)}; {len(answers):,} of {total:,} takes")
    print(f"latency: p50 {percentile(seconds, 0.5):.2f} s, p99 {percentile(seconds, 0.99):.2f} s")
    print(
        "takes a second, server and offline:", *map("{:.2f}/{:.2f}".format, speeds, offline_speeds)
    )
    print(f"server to offline: {statistics.median(ratios):.2f} x")
    print(f"alone: {alone} of {len(differences)} bit-equal, difference {max(differences):.1e}")
    print(f"memory: {before:.0f} MB before, {after:.0f} MB after; files left: {left}")
    met = not errors and len(answers) == total and max(differences) < TOLERANCE
    return met and not left and statistics.median(ratios) > 0.9


class Offline:
    """Takes of the same requests without a server."""

    def __init__(self, args: argparse.Namespace) -> None:
        import torch

        from jasco import Jasco

        torch.set_num_threads(args.threads)
        self.args, self.model = args, Jasco.from_pretrained(args.model, device=args.device)
        self.make([0, 1, 2, 3], args.batch_size)

    def make(self, numbers: list[int], batch: int) -> list[np.ndarray]:
        """Audio of requests by their numbers."""
        from jasco.pipeline.plan import Plan
        from jasco.pipeline.request import Request
        from jasco.pipeline.takes import Reader, make_takes

        with tempfile.TemporaryDirectory() as folder:
            paths = [f"{folder}/{number}.wav" for number in numbers]
            rows = [request(number, self.args) | {"loudness": "none"} for number in numbers]
            built = [
                Request.build(row | {"output": path}, "request")
                for path, row in zip(paths, rows, strict=True)
            ]
            reader = Reader(self.model, alone=False)
            list(make_takes(Plan(built), self.model, reader, batch_size=batch))
            return [soundfile.read(path)[0] for path in paths]

    def compared(self, answers: dict[int, bytes]) -> tuple[int, list[float]]:
        """Answers that are bit-equal to the request alone, and differences of all."""
        equal, differences = 0, []
        for number in sorted(answers)[:: max(len(answers) // self.args.compare, 1)]:
            (expected,) = self.make([number], 1)
            found = soundfile.read(io.BytesIO(answers[number]))[0]
            equal += np.array_equal(found, expected)
            differences.append(float(np.std(found - expected) / max(np.std(expected), 1e-9)))
        return equal, differences


# --- mixed load -----------------------------------------------------------------------------------


def mixed(args: argparse.Namespace) -> bool:
    """Mixed load for a time; true where all figures are met."""
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), *options(args)) as server:
        load, end = Mixed(server.url, args), time.monotonic() + 60 * args.minutes
        main, totals, kills = [], [], 0

        def client(index: int) -> None:
            with httpx.Client(base_url=server.url, timeout=args.timeout) as session:
                while time.monotonic() < end:
                    begun = time.monotonic()
                    load.one(session)
                    time.sleep(max(args.clients / args.rate - (time.monotonic() - begun), 0))

        with ThreadPoolExecutor(args.clients) as pool:
            clients = [pool.submit(client, index) for index in range(args.clients)]
            for tick in _ticks(args.every, end):
                used = memory(server)
                main.append(used.get(server.process.pid, 0.0))
                totals.append(sum(used.values()))
                print(
                    f"{tick:6.0f} s: server {main[-1]:.0f} MB, all {totals[-1]:.0f} MB, "
                    f"{load.found.total():,} requests, {len(load.lost)} lost, {kills} kills",
                    flush=True,
                )
                if tick and args.kills and (children := server.children()):
                    os.kill(chance.choice(children), signal.SIGKILL)
                    kills += 1
            for one in clients:
                one.result()
        left = settled(server)
        code = server.stop()
        left += [path for path in Path(folder, "temporary").rglob("*")]
    print(*(f"  {name}: {count:,}" for name, count in sorted(load.found.items())), sep="\n")
    print(*load.lost, sep="\n")
    warm = main[len(main) // 4 :]
    drift = (
        (statistics.median(warm[len(warm) // 2 :]) / statistics.median(warm[:9]) - 1) if warm else 0
    )
    p50, p99 = (percentile(load.seconds, share) for share in (0.5, 0.99))
    print(f"{load.found.total():,} requests, {kills} kills, lost: {len(load.lost)}")
    print(f"latency of takes: p50 {p50:.2f} s, p99 {p99:.2f} s")
    print(f"memory of the server after warm-up: {drift:+.1%}; exit code {code}; files left: {left}")
    return not load.lost and not left and code == 0 and abs(drift) < DRIFT


def _ticks(every: float, end: float) -> Iterator[float]:
    begun = time.monotonic()
    while (now := time.monotonic()) < end:
        yield now - begun
        time.sleep(max(min(every, end - time.monotonic()), 0))


def settled(server: Running) -> list[Path]:
    """Files that are left some seconds after the last request."""
    end = time.monotonic() + 30
    while (left := server.files()) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def options(args: argparse.Namespace) -> list[str]:
    """Options of the server."""
    own = ["--model", args.model, "--device", args.device, "--threads", str(args.threads)]
    own += ["--workers", str(args.workers), "--batch-size", str(args.batch_size)]
    own += ["--ray", args.ray] if args.ray else []
    return [*own, "--queue", str(args.queue), "--per-key", "100000"]


def main() -> None:
    """Run the command line; see ``--help``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("load", "mixed"))
    add = parser.add_argument
    add("--model", default="demo")
    add("--device", default="cpu")
    add("--threads", type=int, default=1)
    add("--workers", type=int, default=1)
    add("--batch-size", type=int, default=4)
    add("--queue", type=int, default=64)
    add("--ray", metavar="ADDRESS", help="serve on Ray: local, auto or HOST:PORT; without kills")
    add("--clients", type=int, help="default: 64 for load, 8 for mixed")
    add("--requests", type=int, default=20, help="of each client, for load")
    add("--duration", type=float, default=1.0, help="length of a take (s)")
    add("--steps", type=int, default=2, help="steps of the solver")
    add("--timeout", type=float, default=600.0, help="time after which an answer is missing (s)")
    add("--compare", type=int, default=40, help="answers that are compared with the request alone")
    add("--offline", type=int, default=200, help="takes that are made offline")
    add("--rounds", type=int, default=4, help="turns of the server and of offline batches")
    add("--minutes", type=float, default=60.0, help="of mixed load")
    add("--rate", type=float, default=4.0, help="most requests a second of mixed load")
    add("--every", type=float, default=30.0, help="time between two kills (s)")
    add("--no-kills", dest="kills", action="store_false")
    args = parser.parse_args()
    args.clients = args.clients or (64 if args.what == "load" else 8)
    sys.exit(0 if {"load": load, "mixed": mixed}[args.what](args) else 1)


if __name__ == "__main__":
    main()
