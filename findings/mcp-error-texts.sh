#!/usr/bin/env bash
# mcp 2.3.0: errors of a tool, as its client sees them.
#
# Guess: a tool that refuses its input by an exception, ValueError("H7: no chord; write C or Am7"),
# answers with that text, as in version 1, so that an agent can mend its call.
# Behaviour: the text of every exception but ToolError is withheld; the client only learns that the
# tool failed. ToolError keeps its text, behind the name of the tool.
#
# Seen:
#   ValueError: Error executing tool value
#   ToolError: Error executing tool told: H7: no chord; write C or Am7
#
# Jasco: its tools turn each error that a user can mend into a ToolError (jasco/serving/tools.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mcp==2.3.0
cat >"$folder/run.py" <<'PYTHON'
import asyncio

from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("charts")
TEXT = "H7: no chord; write C or Am7"


@server.tool()
def value() -> str:
    raise ValueError(TEXT)


@server.tool()
def told() -> str:
    raise ToolError(TEXT)


async def call(name):
    async with Client(server) as client:
        return (await client.call_tool(name, {})).content[0].text


hidden, shown = (asyncio.run(call(name)) for name in ("value", "told"))
print("ValueError:", hidden)
print("ToolError:", shown)
raise SystemExit(TEXT in hidden or TEXT not in shown)
PYTHON
"$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
