#!/usr/bin/env bash
# python-stretch 0.3.1 (Signalsmith Stretch): an array in Fortran order is read as one in C order.
#
# Guess: process() takes an array (channels, samples) of any layout, as numpy functions do, or
# refuses it. `soundfile.read(path)[0].T` is such an array, and the shape of the result is right.
#
# Behaviour: the samples of all channels are read interleaved, without an error: both channels of the
# result hold both channels of the input an octave lower. A copy in C order is read rightly.
#
# Seen: left channel a tone of 440 Hz, right channel silent, time factor 0.8:
#   C order: RMS .701 and .000, 440 Hz. Fortran order: RMS .496 and .496, 219 Hz.
#
# Jasco: loops are copied into C order before they are stretched (jasco/audio/stretching.py).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 python-stretch==0.3.1

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from python_stretch import Signalsmith

RATE = 44100
left = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
stereo = np.stack([left, np.zeros_like(left)])
found = {}
for order in "CF":
    stretcher = Signalsmith.Stretch()
    stretcher.preset(2, RATE)
    stretcher.setTimeFactor(0.8)
    result = stretcher.process(np.array(stereo, order=order))
    rms = np.sqrt(np.square(result).mean(1))
    spectrum = np.abs(np.fft.rfft(result[0, 5000:37768] * np.hanning(32768)))
    found[order] = (*rms, spectrum.argmax() * RATE / 32768)
    print(f"{order} order: {result.shape}, RMS {rms[0]:.3f} and {rms[1]:.3f}, {found[order][2]:.0f} Hz")
right = found["C"][1] < 0.01 and abs(found["C"][2] - 440) < 3
misread = found["F"][1] > 0.3 and abs(found["F"][2] - 220) < 3
sys.exit(not (right and misread))
PYTHON
