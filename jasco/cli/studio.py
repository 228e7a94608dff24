"""``jasco-studio``: page for this machine's browser to make, compare and edit takes."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from typing import NoReturn

from jasco.cli.errors import one_line_errors
from jasco.cli.leaving import leave
from jasco.cli.loading import add_model_options, model_source
from jasco.cli.signals import raising_sigterm

PROGRAM = "jasco-studio"
PORT = 7860


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Page on 127.0.0.1 to make music from text, a chord lane, drums and a melody.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--adapter",
        action="append",
        default=[],
        metavar="NAME",
        help="folder or Hub id of an adapter that the page offers; for several repeat the option",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    add_model_options(parser)
    return parser


@one_line_errors(PROGRAM)
@raising_sigterm()
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    parser = _parser()
    args = parser.parse_args(argv)
    if not 1 <= args.port <= 65535:
        parser.error("argument --port: give a number from 1 to 65535")
    from jasco.cli.threads import use_threads
    from jasco.studio.app import HOST, serving

    use_threads(args.threads)
    source = model_source(args, threads=None)  # use_threads has set them
    with serving(source, port=args.port, adapters=args.adapter, open_page=args.open):
        print(f"http://{HOST}:{args.port} shows the studio; Ctrl-C ends it", flush=True)
        threading.Event().wait()
    return 0


def run() -> NoReturn:
    """Run the program, as its console script does."""
    leave(main())


if __name__ == "__main__":
    run()
