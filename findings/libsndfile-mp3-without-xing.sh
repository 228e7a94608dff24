#!/usr/bin/env bash
# Length of an mp3 of variable rate without a Xing header, as libsndfile reads it.
#
# Version:   soundfile 0.14.0 (its wheel brings libsndfile 1.2.2 with mpg123), numpy 2.3.5.
# Guess:     without the header the length is unknown or estimated, and reading goes on to the last
#            frame, as in ffmpeg; only the stated length may be off.
# Behaviour: the length is estimated, and reading stops there without an error; the frames behind it
#            are lost.
# Seen:      quiet start: 10.03 s of frames, states 4.42 s, reads 4.42 s
#            loud start: 10.03 s of frames, states 2.67 s, reads 2.67 s
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install soundfile==0.14.0 numpy==2.3.5
"$folder/venv/bin/python" - "$folder/a.mp3" <<'PYTHON'
import sys

import numpy as np
import soundfile

RATE, path = 44100, sys.argv[1]
RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s, MPEG 1 layer 3


def frames(data, place):
    """Offsets of the frames from one on, each where the one before ends."""
    while place + 4 <= len(data) and data[place] == 0xFF:
        yield place
        place += 144000 * RATES[data[place + 2] >> 4] // RATE + (data[place + 2] >> 1 & 1)


def read(loud):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 10 * RATE)
    noise[~loud] *= 1e-4
    with soundfile.SoundFile(
        path, "w", RATE, 1, "MPEG_LAYER_III", compression_level=0.3, bitrate_mode="VARIABLE"
    ) as sound:
        sound.write(noise)
    data = open(path, "rb").read()
    header, first = list(frames(data, data.index(b"\xff\xfb")))[:2]
    assert b"Xing" in data[header:first]
    data = data[first:]  # a stream of whole frames, as encoders write into a pipe
    open(path, "wb").write(data)
    seconds = len(list(frames(data, 0))) * 1152 / RATE
    with soundfile.SoundFile(path) as sound:
        return seconds, sound.frames / RATE, len(sound.read()) / RATE


place = np.arange(10 * RATE)
surprises = 0
for name, loud in (("quiet start", place >= 6 * RATE), ("loud start", place < 4 * RATE)):
    seconds, states, reads = read(loud)
    print(f"{name}: {seconds:.2f} s of frames, states {states:.2f} s, reads {reads:.2f} s")
    surprises += reads < 0.7 * seconds
sys.exit(0 if surprises == 2 else 1)
PYTHON
