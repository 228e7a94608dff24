"""``jasco-mcp``: a client of the protocol calls the four tools of a real server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import soundfile
from mcp import Client, StdioServerParameters

from jasco.audio import read_recipe

ABC = "X:1\nT:Tune\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\n" + '"C"CEGE|"Am"ACEC|\n'


async def session(model: Path, folder: Path) -> dict[str, Any]:
    """Answers of a session, by name."""
    arguments = ["-m", "jasco.cli.mcp", "--folder", str(folder), "--model", str(model)]
    server = StdioServerParameters(
        command=sys.executable,
        args=[*arguments, "--device", "cpu"],
        cwd=str(folder),
        env=dict(os.environ),
    )
    found: dict[str, Any] = {}
    async with Client(server) as client:
        found["tools"] = (await client.list_tools()).tools

        async def call(key: str, name: str, **arguments: object) -> None:
            found[key] = await client.call_tool(name, arguments)

        chart = str(folder / "tune.abc")
        short = {"text": "a", "duration": 4, "steps": 2, "seed": 3}
        await call("chart", "read_chart", path=chart)
        await call("take", "generate", **short, chords="C Am", bpm=120, output="a.flac")
        take = str(folder / "a.flac")
        await call("edit", "edit", take=take, bars="2", chords="F", output="b.flac")
        await call("check", "check", take=take)
        await call("outside", "generate", **short, output="../b.flac")
        await call("wrong", "generate", output="c.flac", chords="Xq")
    return found


def test_the_four_tools(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()
    (folder / "tune.abc").write_text(ABC)
    found = asyncio.run(session(tiny_folder, folder))
    tools = {tool.name: tool for tool in found["tools"]}
    assert set(tools) == {"generate", "edit", "check", "read_chart"}
    schema = json.loads(tools["generate"].model_dump_json(by_alias=True))["inputSchema"]
    assert schema["required"] == ["output"] and "chords in bars" in tools["generate"].description
    answers = {key: json.loads(found[key].content[0].text) for key in ("chart", "take", "check")}
    assert answers["chart"]["title"] == "Tune" and answers["chart"]["bpm"] == 120
    assert answers["chart"]["chords"] == [["C", 0.0], ["Am", 4.0]]
    assert answers["take"]["seed"] == 3 and answers["take"]["seconds"] == 4
    assert read_recipe(folder / "a.flac")["seed"] == 3
    assert {*answers["check"]["missing"], *answers["check"]["scores"]}
    before, after = (soundfile.read(folder / f"{name}.flac")[0] for name in "ab")
    assert (before[:60000] == after[:60000]).all() and (before != after).any()
    for key, words in {"outside": "within", "wrong": "cannot read the chord"}.items():
        text = found[key].content[0].text
        assert words in text and "Traceback" not in text
    assert not (tmp_path / "b.flac").exists()
