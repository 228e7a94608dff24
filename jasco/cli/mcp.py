"""``jasco-mcp``: tools for agents over the Model Context Protocol, on standard input and output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jasco.cli.errors import one_line_errors
from jasco.cli.loading import add_model_options, load_model
from jasco.errors import MissingPartError, SettingError

PROGRAM = "jasco-mcp"
INSTRUCTIONS = """\
Music from text, chords, drums and a melody. Read a chart or write chords, generate a take, check
how well it follows, and edit the bars that do not.
"""
EPILOG = """\
tools: generate, edit, check, read_chart

A client starts the program itself. Its entry in the settings of the client is
  {"mcpServers": {"jasco": {"command": "jasco-mcp", "args": ["--folder", "takes"]}}}
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Tools for agents: a server of the Model Context Protocol on stdin and stdout.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    line = "folder that takes are written into; default: the current one"
    parser.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help=line)
    add_model_options(parser)
    return parser


@one_line_errors(PROGRAM)
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    args = _parser().parse_args(argv)
    if not args.folder.is_dir():
        raise SettingError(f"{args.folder} is no folder: give one for the takes")
    try:
        from mcp.server import MCPServer
    except ImportError as error:
        raise MissingPartError(f"{PROGRAM} needs mcp: pip install 'jasco[mcp]'") from error
    from jasco.cli.threads import use_threads
    from jasco.serving.tools import Tools

    use_threads()

    def load() -> Any:
        return load_model(args.model, args, device=args.device, dtype=args.dtype)

    server = MCPServer(
        "jasco", instructions=INSTRUCTIONS, version=version("jasco"), log_level="WARNING"
    )
    for tool in Tools(load, args.folder).all:
        server.tool()(tool)
    server.run("stdio")
    return 0


if __name__ == "__main__":
    sys.exit(main())
