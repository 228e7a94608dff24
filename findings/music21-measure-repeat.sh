#!/usr/bin/env bash
# MusicXML's <measure-repeat> (a bar that shows a sign instead of its notes) and alternate harmony,
# as music21 reads and expands them.
#
# Version:   music21 9.9.1.
# Guess:     expandRepeats() plays the repeated bar: C4 in both bars; and the harmony of
#            type="alternate" can be told from the one to play.
# Behaviour: the repeated bar stays empty, without a warning, before and after expandRepeats(); the
#            alternate harmony stands beside the other one as if both were played.
# Seen:      notes by bar: [['C4'], []]  harmonies of bar 1: ['C', 'G']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install music21==9.9.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

from music21 import converter, harmony, stream

NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration></note>"
REST = "<note><rest/><duration>4</duration></note>"
HARMONY = "<harmony{}><root><root-step>{}</root-step></root><kind>major</kind></harmony>"
REPEAT = (
    "<attributes><measure-style><measure-repeat type='start'>1</measure-repeat></measure-style>"
    "</attributes>"
)
TIME = (
    "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
    "</attributes>"
)
bars = [
    TIME + HARMONY.format("", "C") + HARMONY.format(" type='alternate'", "G") + NOTE,
    REPEAT + REST,
]
measures = "".join(f"<measure number='{n}'>{bar}</measure>" for n, bar in enumerate(bars, 1))
path = Path(sys.argv[1]) / "song.musicxml"
path.write_text(
    "<score-partwise><part-list><score-part id='P1'><part-name>A</part-name></score-part>"
    f"</part-list><part id='P1'>{measures}</part></score-partwise>"
)
part = converter.parse(path).parts[0].expandRepeats()
found = [*part.getElementsByClass(stream.Measure)]
notes = [[n.nameWithOctave for n in bar.notes if n.isNote] for bar in found]
figures = [each.figure for each in found[0].getElementsByClass(harmony.Harmony)]
print(f"notes by bar: {notes}  harmonies of bar 1: {figures}")
sys.exit(0 if notes == [["C4"], []] and figures == ["C", "G"] else 1)
PYTHON
