#!/usr/bin/env bash
# A FLAC stream whose header leaves the number of samples open, as libsndfile reads it.
#
# Version:   soundfile 0.14.0 (its wheel brings libsndfile 1.2.2), imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2).
# Guess:     RFC 9639 (section 8.2) has 0 for a number of samples that is not known, which is what
#            encoders write into a pipe; the file is read to its last frame.
# Behaviour: the file opens and states 2^63 - 1 samples. Blocks are read from its beginning, but the
#            one that reaches the end is lost: the read fails instead of coming back shorter, as it
#            does where the header states the length. ffmpeg decodes all of it.
# Seen:      ffmpeg decodes 132300 samples
#            soundfile states 9223372036854775807 samples
#            soundfile reads 100000 samples in blocks of 50000, then: Internal psf_fseek() failed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install \
  soundfile==0.14.0 numpy==2.3.5 imageio-ffmpeg==0.6.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

wav, flac = Path(sys.argv[1], "a.wav"), Path(sys.argv[1], "a.flac")
ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i"]
soundfile.write(wav, np.random.default_rng(0).uniform(-0.5, 0.5, 3 * 44100), 44100)
piped = subprocess.run([*ffmpeg, str(wav), "-f", "flac", "-"], capture_output=True, check=True)
flac.write_bytes(piped.stdout)
command = [*ffmpeg, str(flac), "-f", "s16le", "-"]
decoded = subprocess.run(command, capture_output=True, check=True).stdout
print(f"ffmpeg decodes {len(decoded) // 2} samples")
with soundfile.SoundFile(flac) as sound:
    states = sound.frames
    print(f"soundfile states {states} samples")
    reads = 0
    try:
        while block := len(sound.read(50000)):
            reads += block
        end = "the end"
    except soundfile.LibsndfileError as error:
        end = error.error_string
print(f"soundfile reads {reads} samples in blocks of 50000, then: {end}")
as_seen = len(decoded) // 2 == 132300 and states == 2**63 - 1
sys.exit(0 if as_seen and reads == 100000 and "psf_fseek" in end else 1)
PYTHON
