"""Self-contained HTML page of a report: tables, charts and audio."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jasco.adherence import AdherenceReport, save_figure
from jasco.audio import load_audio, save_audio
from jasco.evaluation.charts import intervals
from jasco.evaluation.console import metric_names, published, score_table, times, title
from jasco.evaluation.module import audio_path
from jasco.evaluation.plan import Plan
from jasco.evaluation.records import Key, Records
from jasco.evaluation.scoring import stored
from jasco.evaluation.settings import CEILING, MISMATCHED
from jasco.evaluation.summary import extremes
from jasco.io.atomic import write_text

STYLE = """
:root { color-scheme: light dark; --made: #d9822b; --faint: #8884; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { margin-top: 2.5rem; font-size: 1.2rem } h3 { font-size: 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem }
th, td { padding: .15rem .7rem; text-align: left; white-space: nowrap }
tr { border-bottom: 1px solid var(--faint) } pre { white-space: pre-wrap; font-size: .8rem }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(30rem, 1fr)); gap: 1rem }
figure { margin: 0 } figcaption { font-weight: 600 } svg, img { max-width: 100%; height: auto }
text { font-size: 11px; fill: currentColor } .label { text-anchor: end }
.tick { text-anchor: middle; opacity: .65 } .grid { stroke: var(--faint) }
.bar { stroke-width: 2.5 } circle.made { fill: var(--made) } line.made { stroke: var(--made) }
circle.ceiling { fill: #3a9d5d } line.ceiling { stroke: #3a9d5d }
circle.floor { fill: #999 } line.floor { stroke: #999 }
.players { display: flex; flex-wrap: wrap; gap: 1rem } .players label { font-size: .85rem }
audio { display: block; width: 20rem; max-width: 90vw } .text { font-style: italic }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:; img-src data:"


def write_page(path: Path, plan: Plan, report: Mapping[str, Any], records: Records) -> None:
    """Write the page.

    Args:
        path: file in the folder of the run.
        plan: plan of the evaluation.
        report: report with its times.
        records: records of all takes.

    Raises:
        AudioError: the audio of a take is missing.
    """
    write_text(path, "".join(_page(path.parent, plan, report, records)))


def _page(folder: Path, plan: Plan, report: Mapping[str, Any], records: Records) -> Iterator[str]:
    frozen = report["frozen"]
    heading = f"Evaluation of {title(report)}"
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    yield f"<title>{escape(heading)}</title><style>{STYLE}</style></head><body>"
    data = frozen["data"]
    yield f"<h1>{escape(heading)}</h1><p>{data['items']} items of {data['duration']:g} s, seeds "
    yield f"{escape(', '.join(map(str, frozen['seeds'])))}. Means with 95 % intervals by the "
    yield "bootstrap over items and seeds. The ceiling is the recording through the codec, "
    yield "the floor what shuffled pairs or dropped controls give, all through the same extractors."
    yield "</p><h2>Scores</h2>"
    yield from table_rows(score_table(report))
    if "published" in report:
        yield "<h2>Beside published figures</h2>"
        yield from table_rows(published(report))
    yield '<h2>Plots</h2><div class="plots">'
    yield from plots(report)
    yield "</div>"
    for name, rows in zip(("Best", "Worst"), extremes(report), strict=True):
        if rows:
            yield f"<h2>{name} items</h2><p>In the setting <b>{escape(plan.settings[0])}</b>, by "
            yield "the mean of the controls.</p>"
        for row in rows:
            yield from _item(folder, plan, row, records)
    yield f"<h2>Settings, data and versions</h2><pre>{escape(json.dumps(frozen, indent=1))}</pre>"
    yield f"<p>{escape(times(report))}.</p></body></html>\n"


def table_rows(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """HTML table of rows, the first of which is the header."""
    head, *rest = rows
    yield '<div class="wide"><table><tr>'
    yield from (f"<th>{escape(text)}</th>" for text in head)
    yield "</tr>"
    for row in rest:
        cells = "".join(f"<td>{escape(text)}</td>" for text in row[1:])
        yield f"<tr><th>{escape(row[0])}</th>{cells}</tr>"
    yield "</table></div>"


def plots(report: Mapping[str, Any]) -> Iterator[str]:
    """Chart of each metric: ceiling, settings and floor."""
    first = report["frozen"]["settings"][0]
    for metric in metric_names(report):
        rows = [
            (setting, "ceiling" if setting == CEILING else "made", table.get(metric))
            for setting, table in report["scores"].items()
        ]
        shuffled = report["shuffled"][first].get(metric)
        svg = intervals([*rows, (f"{first}, shuffled", "floor", shuffled)], metric)
        if svg:
            yield f"<figure><figcaption>{escape(metric)}</figcaption>{svg}</figure>"


def _item(folder: Path, plan: Plan, row: Mapping[str, Any], records: Records) -> Iterator[str]:
    number = plan.ids.index(row["item"])
    setting, seed = plan.settings[0], plan.seeds[0]
    item = plan.items.item(number)
    asked = plan.items.item(plan.other()[number]) if setting == MISMATCHED else item
    scores = ", ".join(f"{k} {v:.3f}" for k, v in row.items() if k not in ("item", "mean"))
    name = Path(plan.items.track(number).path).stem
    yield f"<h3>{escape(name)}: {escape(scores)}</h3>"
    if item.conditions.text:
        yield f'<p class="text">{escape(item.conditions.text)}</p>'
    take = audio_path(folder, setting, seed, item.id)
    yield '<div class="players">'
    for said, path in (
        (f"generated, seed {seed}", take),
        ("the recording through the codec", audio_path(folder, CEILING, seed, item.id)),
    ):
        with tempfile.TemporaryDirectory() as scratch:
            audio = load_audio(path)
            small = save_audio(Path(scratch, "take.mp3"), *audio, loudness=None, mark=path == take)
            sound = _embedded(small, "audio/mpeg")
        yield f'<label>{escape(said)}<audio controls preload="metadata" src="{sound}"></audio>'
        yield "</label>"
    yield "</div>"
    record = records[Key(setting, seed, item.id)]
    known = {name: score for name, score in record["scores"].items() if score is not None}
    extracted = stored(record["extracted"], plan.items.duration)
    report = AdherenceReport(asked.reference, extracted, known, {})
    with tempfile.TemporaryDirectory() as scratch:
        picture = save_figure(Path(scratch, "take.png"), report, load_audio(take))
        yield f'<img alt="requested and extracted" src="{_embedded(picture, "image/png")}">'


def _embedded(path: Path, kind: str) -> str:
    """Content of a file as an address that needs no network."""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
