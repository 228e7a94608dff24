"""Tools for agents: generate, edit, check, and read a chart, for a server of MCP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from jasco.audio import load_audio, read_recipe
from jasco.charts import load_chart
from jasco.errors import JascoError, SettingError
from jasco.model import Jasco
from jasco.notices import describe
from jasco.pipeline.check import Checker
from jasco.pipeline.events import Note, Saved
from jasco.pipeline.jobs import run_job
from jasco.pipeline.plan import Plan
from jasco.pipeline.reading import check_fit
from jasco.pipeline.request import Request
from jasco.pipeline.takes import Reader
from jasco.recipe import Recipe

_MOST_CHORDS = 400


class Tools:
    """Tools of one model, whose files are written into one folder.

    Their signatures and docstrings are the schemas that agents see.

    Args:
        load: function that loads the model, called once it is needed.
        folder: folder of the files that are written.
    """

    def __init__(self, load: Callable[[], Jasco], folder: Path) -> None:
        self._load, self._folder = load, folder.resolve()
        self._thread = ThreadPoolExecutor(1, "model")  # one take after another

    @cached_property
    def _model(self) -> Jasco:
        return self._load()

    @property
    def all(self) -> list[Callable[..., Any]]:
        """Tools, whose errors say what to do."""
        tools: list[Callable[..., Any]] = [self.generate, self.edit, self.check, self.read_chart]
        return [_explained(tool) for tool in tools]

    async def generate(
        self,
        output: str,
        text: str | None = None,
        chords: str | None = None,
        bpm: float | None = None,
        time_signature: str | None = None,
        drums: str | None = None,
        melody: str | None = None,
        chart: str | None = None,
        duration: float | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: str | None = None,
    ) -> dict[str, Any]:
        """Generate music and write it to a file.

        Args:
            output: name of the new file: .flac, .wav, .mp3 or .ogg.
            text: description of the music.
            chords: chords in bars such as "C Am | F G7" with bpm, or "C:0 Am:2.5" in seconds.
            bpm: tempo of chords, chart and drum pattern.
            time_signature: metre, such as "3/4"; 4/4 by default.
            drums: path of an isolated drum track or of a MIDI file, or a pattern such as "bossa".
            melody: path of a MIDI file.
            chart: path of a lead sheet, in place of chords and melody.
            duration: length in seconds; ten by default.
            seed: whole number that makes the same take again; a fresh one by default.
            steps: steps of the solver.
            guidance: weights such as "all=2.5,chords=1".
        """
        asked = {k: v for k, v in locals().items() if k not in ("self", "output")}
        return await self._make(output, asked)

    async def edit(
        self,
        take: str,
        output: str,
        bars: str | None = None,
        seconds: str | None = None,
        text: str | None = None,
        chords: str | None = None,
        bpm: float | None = None,
        seed: int | None = None,
    ) -> dict[str, Any]:
        """Generate bars or seconds of a take anew; all other samples stay as they are.

        Args:
            take: path of the take, or of any recording.
            output: name of the new file: .flac, .wav, .mp3 or .ogg.
            bars: bars to make anew, such as "3-4", of a take made with chords in bars.
            seconds: seconds to make anew, such as "8:16", in place of bars.
            text: new description; that of the take by default.
            chords: new chords of the range, from its first bar on; those of the take by default.
            bpm: tempo of the new chords; that of the take by default.
            seed: whole number that makes the same edit again.
        """
        asked = {k: v for k, v in locals().items() if k not in ("self", "output", "take")}
        return await self._make(output, asked | {"edit": take})

    async def check(self, take: str) -> dict[str, Any]:
        """Extract chords, onsets and melody from a take, and compare them with its recipe.

        Args:
            take: path of a take of Jasco.
        """
        return await self._run(self._check, take)

    async def read_chart(
        self, path: str, bars: str | None = None, transpose: int = 0, song: str | None = None
    ) -> dict[str, Any]:
        """Read a lead sheet: iReal Pro, MusicXML, Guitar Pro, ABC, ChordPro, MIDI, JAMS or lab.

        Args:
            path: path of the chart.
            bars: bars as played, such as "9-16"; all by default.
            transpose: semitones.
            song: title of one of several songs in the file.
        """
        return await self._run(_chart, path, bars, transpose, song)

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _make(self, output: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Take of a request; where the agent cancels the call, the work ends at the next step."""
        path = (self._folder / output).resolve()
        if not path.is_relative_to(self._folder) or path == self._folder:
            raise SettingError(f"output is {output!r:.60}: give a name within {self._folder}")
        job = await self._run(self._begin, asked | {"output": str(path)})
        notes, saved = [], None
        try:
            while (event := await self._run(next, job, None)) is not None:
                notes += [event.text] if isinstance(event, Note) else []
                saved = event if isinstance(event, Saved) else saved
        finally:
            await asyncio.shield(self._run(job.close))
        if saved is None:
            raise SettingError("no take was made")
        chosen = saved.chosen
        facts = {"seed": chosen.seed, "seconds": round(chosen.audio.duration, 3)}
        return {"path": str(saved.take.path), **facts, "notes": notes}

    def _begin(self, asked: dict[str, Any]) -> Generator[Any]:
        request = Request.build(asked, "request")
        plan = Plan([request])
        check_fit([request], self._model)
        return run_job(plan, self._model, Reader(self._model, alone=True), batch_size=1)

    def _check(self, take: str) -> dict[str, Any]:
        plain = read_recipe(take)
        if plain is None:
            raise SettingError(f"{take} holds no recipe to compare it with")
        given = Recipe.from_dict(plain).conditions
        checker = Checker([], self._model.device)
        if "melody" in given.asked:
            checker = Checker([Request.build({"melody": given.melody})], self._model.device)
        report = checker.check(load_audio(take), given)
        return {
            "scores": report.plain(),
            "lines": report.lines(),
            "missing": dict(report.missing),
        }


def _explained(tool: Callable[..., Any]) -> Callable[..., Any]:
    """Tool whose errors reach the agent; the text of any other exception does not."""

    @wraps(tool)
    async def run(*arguments: Any, **named: Any) -> Any:
        try:
            return await tool(*arguments, **named)
        except (JascoError, OSError) as error:
            raise ToolError(describe(error)) from error

    return run


def _chart(path: str, bars: str | None, transpose: int, song: str | None) -> dict[str, Any]:
    chart = load_chart(path, song=song).selected(bars, transpose, None)
    per_minute = [round(float(change.bpm), 3) for change in chart.tempo_map[:1]]
    shown = chart.chords[:_MOST_CHORDS]
    return {
        "title": chart.title,
        "key": chart.key,
        "bpm": per_minute[0] if per_minute else None,
        "bars": len(chart.bars),
        "chords": [[chord.name, round(float(chord.onset), 3)] for chord in shown],
        "unit": "quarter notes from the first bar on",
        "melody_notes": len(chart.melody),
        "sections": [[own.name, round(float(own.onset), 3)] for own in chart.sections],
        "notes": list(chart.notes),
    }
