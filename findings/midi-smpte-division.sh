#!/usr/bin/env bash
# A MIDI file whose ticks are milliseconds (division E7 28: 25 frames a second of 40 ticks), as mido
# and pretty_midi read it.
#
# Version:   mido 1.3.3, pretty_midi 0.2.11.post0, numpy 2.3.5.
# Guess:     a note from 1000 to 2000 ms; or a refusal that names the division.
# Behaviour: mido takes the two bytes for a signed number of ticks a quarter note: -6360. Its length
#            and the times of its messages run backwards, without an error. pretty_midi, built on it,
#            refuses the file for "note end time must be greater than start time".
# Seen:      ticks a quarter note -6360, length -0.157 s, note-on at -0.079 s
#            pretty_midi: Note end time must be greater than start time
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install \
    mido==1.3.3 pretty_midi==0.2.11.post0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import mido
import pretty_midi

track = bytes.fromhex("8768 90 3C 5A  8768 80 3C 00  00 FF 2F 00")  # 8768 is 1000 ticks
data = b"MThd" + bytes.fromhex("00000006 0000 0001 E728")
data += b"MTrk" + len(track).to_bytes(4, "big") + track

file = mido.MidiFile(file=io.BytesIO(data))
onset = next(iter(file)).time
print(f"ticks a quarter note {file.ticks_per_beat}, length {file.length:.3f} s, "
      f"note-on at {onset:.3f} s")
try:
    reason = str(pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments[0].notes)
except ValueError as error:
    reason = str(error)
print(f"pretty_midi: {reason}")
same = file.ticks_per_beat == -6360 and file.length < onset < 0 and reason.startswith("Note end")
sys.exit(0 if same else 1)
PYTHON
