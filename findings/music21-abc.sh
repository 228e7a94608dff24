#!/usr/bin/env bash
# ABC as music21 reads it: accidentals within a bar, broken rhythm before a staccato dot, and a
# second repeat without a beginning.
#
# Version:   music21 10.5.0.
# Guess:     an accidental counts to the end of its bar (ABC 2.1, 11.3), so both notes of "^F F" are F
#            sharp; "A>.A" is a dotted rhythm as "A>A" is; and a ":|" without "|:" plays again from
#            the end of the repeat before it (4.8).
# Behaviour: the accidental counts for its own note alone, with K:C and with other keys; the broken
#            rhythm is lost where a decoration stands between ">" and the note; expandRepeats() plays
#            the second repeat from the beginning of the tune, with the first repeat again in it.
# Seen:      ^F F: F#4 F4  A>.A: 1.0 1.0  A>A: 1.5 0.5
#            C2 D2 | E2 F2 :| G2 A2 | B2 c2 :| CDEFCDEFGABCCDEFCDEFGABC
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install music21==10.5.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from music21 import converter


TUNE = "C2 D2 | E2 F2 :| G2 A2 | B2 c2 :|"


def notes(music):
    tune = f"X:1\nT:a tune\nM:4/4\nL:1/4\nK:C\n{music}\n"
    part = converter.parse(tune, format="abc").parts[0]
    part = part.expandRepeats() if music == TUNE else part
    return [note for note in part.recurse().notes if note.isNote]


keys = " ".join(note.nameWithOctave for note in notes("^F F |"))
broken, plain = (
    " ".join(str(note.quarterLength) for note in notes(music)) for music in ("A>.A |", "A>A |")
)
played = "".join(note.step for note in notes(TUNE))
print(f"^F F: {keys}  A>.A: {broken}  A>A: {plain}\n{TUNE} {played}")
seen = (keys, broken, plain, played)
sys.exit(0 if seen == ("F#4 F4", "1.0 1.0", "1.5 0.5", "CDEFCDEFGABCCDEFCDEFGABC") else 1)
PYTHON
