#!/usr/bin/env bash
# F7 events of Standard MIDI Files (RP-001: any bytes, or the next packet of a system exclusive
# message), as two readers take them.
#
# Version:   symusic 0.6.0, mido 1.3.3, numpy 2.3.5.
# Guess:     an F7 event is read by its length and leaves the notes after it alone; mido writes back
#            what it read.
# Behaviour: symusic does not read the length: the bytes of the event are taken for a delta time and
#            further events, and all later notes are late, by an amount that the bytes decide. Nothing
#            is said. mido reads the packets of one message as messages of their own and saves each
#            with F0 and F7, so that the receiver gets two messages, both incomplete.
# Seen:      onset of a note in ticks
#            no F7 event: symusic 96, mido 96 (96 is right)
#            song select F3 05: symusic 98, mido data byte must be in range 0..127 (96 is right)
#            timing clock F8: symusic 97, mido data byte must be in range 0..127 (96 is right)
#            message in two packets: symusic 213, mido 192 (192 is right)
#            packets: 00 F0 03 43 12 00  60 F7 06 01 02 03 04 05 F7
#            saved:   00 F0 04 43 12 00 F7 60 F0 06 01 02 03 04 05 F7
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install \
    symusic==0.6.0 mido==1.3.3 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import mido
import symusic

NOTE = "60 90 3C 5A  60 80 3C 00  00 FF 2F 00"  # 96 ticks after the event before
PACKETS = "00 F0 03 43 12 00  60 F7 06 01 02 03 04 05 F7"


def file_of(events):
    track = bytes.fromhex(events + NOTE)
    header = b"MThd" + bytes.fromhex("00000006 0000 0001 0060")
    return header + b"MTrk" + len(track).to_bytes(4, "big") + track


def onset_by_symusic(data):
    (track,) = symusic.Score.from_midi(data).tracks
    (note,) = track.notes
    return note.time


def onset_by_mido(data):
    tick = 0
    try:
        for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
            tick += message.time
            if message.type == "note_on":
                return tick
    except ValueError as error:
        return str(error)


refused = "data byte must be in range 0..127"
cases = {  # events before the note; what symusic and mido say, and what is right
    "no F7 event": ("", 96, 96, 96),
    "song select F3 05": ("00 F7 02 F3 05", 98, refused, 96),
    "timing clock F8": ("00 F7 01 F8", 97, refused, 96),
    "message in two packets": (PACKETS, 213, 192, 192),
}
same = True
print("onset of a note in ticks")
for name, (events, *expected, right) in cases.items():
    data = file_of(events)
    seen = [onset_by_symusic(data), onset_by_mido(data)]
    print(f"{name}: symusic {seen[0]}, mido {seen[1]} ({right} is right)")
    same &= seen == expected

saved = io.BytesIO()
mido.MidiFile(file=io.BytesIO(file_of(PACKETS))).save(file=saved)
events = saved.getvalue()[22:38].hex(" ").upper()
print("packets:", PACKETS)
print("saved:  ", events)
same &= events == "00 F0 04 43 12 00 F7 60 F0 06 01 02 03 04 05 F7"
sys.exit(0 if same else 1)
PYTHON
