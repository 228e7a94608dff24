#!/usr/bin/env bash
# swift-f0 0.3.0: a pure tone on digital silence is unvoiced, at the right pitch.
#
# Guess: a pitch detector is surest of a clean sine, and noise lowers its confidence.
#
# Behaviour: the confidence, "calibrated so that a frame is voiced when it is at least 0.5", of a sine of half of full
# scale is below .5 at C3, although the pitch is right within a fifth of a semitone, so that segment_notes finds no
# note. White noise 31 dB below the tone raises it: the network never saw the log floor of digital silence.
#
# Seen: C3 (MIDI 48) alone: confidence 0.36, 0 notes; with noise: 0.72, 1 note.
#
# Jasco: jasco/extract/swift_f0.py adds noise of a fixed seed before detection.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 onnxruntime==1.32.0 swift-f0==0.3.0

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from swift_f0 import SwiftF0, segment_notes

detector, rate, pitch = SwiftF0(threads=1), 16000, 48
time = np.arange(2 * rate) / rate
tone = 0.5 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
found = []
for noise in (0.0, 0.01):
    result = detector.detect((tone + noise * np.random.default_rng(0).standard_normal(len(tone))).astype("f4"), rate)
    off = float(np.median(np.abs(69 + 12 * np.log2(result.pitch_hz / 440) - pitch)))
    found.append((float(np.median(result.confidence)), off, len(segment_notes(result))))
    print(f"noise {noise}: confidence {found[-1][0]:.2f}, {off:.2f} semitones off, {found[-1][2]} notes")
clean, noisy = found
sys.exit(not (clean[0] < 0.5 < noisy[0] and max(clean[1], noisy[1]) < 0.3 and clean[2] == 0 and noisy[2] == 1))
PYTHON
