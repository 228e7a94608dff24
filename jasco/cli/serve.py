"""``jasco-serve``: HTTP service of generation.

``jasco-serve`` listens at http://127.0.0.1:8000; ``docs/serving.md`` describes the requests.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jasco.cli.errors import one_line_errors
from jasco.cli.generate import MAX_BATCH
from jasco.cli.loading import add_model_options, model_source
from jasco.cli.remote import KEY_VARIABLE
from jasco.cli.signals import raising_sigterm
from jasco.cli.threads import MAX_THREADS
from jasco.errors import MissingPartError
from jasco.notices import show
from jasco.pipeline.plan import GPU_BATCH

PROGRAM = "jasco-serve"
MAX_WORKERS = 256
PACKAGES = ("fastapi", "prometheus_client", "starlette", "uvicorn")
EPILOG = f"""\
keys:
  Beside this machine (--host), every request needs a key: Authorization: Bearer KEY. --key-file has
  one a line; the variable {KEY_VARIABLE} is one more.

examples:
  jasco-serve
  jasco-serve --model facebook/jasco-chords-drums-melody-400M --port 8080
  jasco-serve --host 0.0.0.0 --key-file keys.txt
  jasco-serve --ray auto --workers 8
  curl http://127.0.0.1:8000/v1/generate --json '{{"text": "funk"}}' -o funk.flac

exit codes: 0 ended by a signal, 1 failed with one line that says why, 2 wrong usage.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Serve generation over HTTP.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; default: 127.0.0.1")
    add("--port", type=int, default=8000, metavar="N", help="default: 8000; 0 for a free one")
    line = "processes with the model; default: one for each GPU of the device, or one"
    add("--workers", type=int, metavar="N", help=line)
    line = f"most requests of a batch; default: {GPU_BATCH} on a GPU, 1 on a CPU"
    add("--batch-size", type=int, metavar="N", help=line)
    add(
        "--threads", type=int, metavar="N", help="CPU threads of a worker; default: cores / workers"
    )
    line = "deploy on Ray Serve: HOST:PORT of a cluster, auto, or local to start Ray here"
    add("--ray", metavar="ADDRESS", help=line)
    add("--key-file", type=Path, metavar="FILE", help="keys of clients, one a line")
    add("--allow-host", action="append", default=[], metavar="NAME", help="further host name")
    add("--allow-origin", action="append", default=[], metavar="URL", help="origin of a page")
    group = parser.add_argument_group("limits")
    for flag, (kind, default, line) in LIMITS.items():
        group.add_argument(
            flag, type=kind, default=default, metavar="N", help=f"{line}; {default or 'no limit'}"
        )
    add_model_options(parser)
    return parser


LIMITS = {
    "--max-duration": (float, 60.0, "length of a take (s)"),
    "--max-steps": (int, 200, "steps of a solver"),
    "--max-body": (int, 32, "size of a request (MiB)"),
    "--queue": (int, 64, "requests that wait"),
    "--per-key": (int, 64, "requests of one key that wait or run"),
    "--per-minute": (int, None, "requests of one key in a minute"),
    "--timeout": (float, 600.0, "time of a request (s)"),
}


@one_line_errors(PROGRAM)
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    parser = _parser()
    args = parser.parse_args(argv)
    ranges = {"port": (0, 65535), "workers": (1, MAX_WORKERS), "batch_size": (1, MAX_BATCH)}
    ranges |= {"threads": (1, MAX_THREADS)}
    ranges |= {flag[2:].replace("-", "_"): (1, 2**31) for flag in LIMITS}
    for name, (least, most) in ranges.items():
        value = getattr(args, name)
        if value is not None and not least <= value <= most:
            flag = f"--{name.replace('_', '-')}"
            parser.error(f"argument {flag}: give at least {least}, at most {most:,}")
    try:
        from jasco.serving.access import Access, read_keys
        from jasco.serving.limits import MIB, Limits
        from jasco.serving.run import serve
    except ImportError as error:
        if str(error.name).partition(".")[0] not in (
            "fastapi",
            "starlette",
            "uvicorn",
            "prometheus_client",
        ):
            raise
        raise MissingPartError(f"{PROGRAM} needs FastAPI: pip install 'jasco[serve]'") from error
    keys = read_keys(args.key_file, os.environ.get(KEY_VARIABLE))
    access = Access.of(args.host, keys, args.allow_host, args.allow_origin)
    limits = Limits(
        body=args.max_body * MIB,
        duration=args.max_duration,
        recording=max(args.max_duration, Limits.recording),
        steps=args.max_steps,
        queue=args.queue,
        per_key=args.per_key,
        per_minute=args.per_minute,
        total=args.timeout,
    )
    served: list[str] = []

    def ready(url: str) -> None:
        served.append(url)
        show(f"{PROGRAM}: {args.model} at {url}")

    address = args.host, args.port
    sources, on_gpu = _sources(args)
    try:
        with raising_sigterm():
            if args.ray is not None:
                from jasco.serving.cluster import served_on_ray

                own = {"workers": args.workers, "batch_size": args.batch_size}
                source = replace(sources[0], device=args.device)
                with served_on_ray(args.ray, address, source, access, limits, **own) as url:
                    with raising_sigterm():  # in place of the handler of Ray
                        ready(url)
                        threading.Event().wait()
            else:
                size = args.batch_size or (GPU_BATCH if on_gpu else 1)
                serve(address, sources, access, limits, batch_size=size, ready=ready)
    except KeyboardInterrupt:  # what ran is finished
        if not served:
            raise
    return 0


def _sources(args: argparse.Namespace) -> tuple[list, bool]:
    """Model of each worker, on the GPUs in turn; and true where there is one."""
    import torch

    from jasco.cli.threads import default_threads
    from jasco.device import resolve_device, resolve_dtype

    device = resolve_device(args.device)
    resolve_dtype(args.dtype, device)
    devices = [args.device]
    if args.device in ("auto", "cuda") and device.type == "cuda":
        devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    workers = args.workers or len(devices)
    threads = args.threads or max(default_threads() // workers, 1)
    sources = [
        model_source(args, device=devices[number % len(devices)], threads=threads)
        for number in range(workers)
    ]
    return sources, device.type != "cpu"


if __name__ == "__main__":
    sys.exit(main())
