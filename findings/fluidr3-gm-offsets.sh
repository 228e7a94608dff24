#!/usr/bin/env bash
# FluidR3 GM (Debian fluid-soundfont-gm 3.1-5.3) played by tinysoundfont 0.3.7: several instruments
# sound with a constant offset (DC).
#
# Guess: a soundfont of recorded or synthesised waves has none, or one that nobody would notice.
#
# Behaviour: the mean of a held C4 of "Pad 2 (warm)" (program 89) is 65 % of the RMS of its wave, that
# of "FX 5" (100) 61 %, of "Synth Brass 2" (63) 41 %. A grand piano (0) has none. FluidSynth 2.3 plays
# offsets too: 115 % at C5 of program 89.
#
# Seen: mean / RMS of the wave: program 0: 0.00, 63: 0.41, 89: 0.65, 100: 0.61.
#
# Jasco: a model trained on such renders makes offsets of its own, so renders of the band and saved
# takes go through a high-pass at 20 Hz (jasco/audio/filters.py).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get download -qq fluid-soundfont-gm=3.1-5.3 && dpkg-deb -x ./*.deb .) >/dev/null 2>&1
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps tinysoundfont==0.3.7

"$folder/venv/bin/python" - "$folder/usr/share/sounds/sf2/FluidR3_GM.sf2" <<'PYTHON'
import sys

import numpy as np
import tinysoundfont

found = {}
for program in (0, 63, 89, 100):
    synth = tinysoundfont.Synth(samplerate=44100)
    font = synth.sfload(sys.argv[1])
    synth.program_select(0, font, 0, program)
    synth.noteon(0, 60, 90)
    wave = np.frombuffer(bytes(synth.generate(2 * 44100)), dtype=np.float32)[44100:]  # second half
    found[program] = abs(float(wave.mean())) / float(wave.std())
    print(f"program {program}: mean / RMS of the wave {found[program]:.2f}")
sys.exit(not (found[0] < 0.02 and found[63] > 0.3 and found[89] > 0.5 and found[100] > 0.5))
PYTHON
