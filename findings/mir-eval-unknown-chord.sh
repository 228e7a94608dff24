#!/usr/bin/env bash
# mir_eval 0.8.2 (numpy 2.4.6): an estimate that only says "X" (unknown chord) scores 1.0 in
# mir_eval.chord.mirex against any reference, and 1.0 in root where the reference is "N".
#
# Guess: X in the estimate is an answer that claims nothing and earns nothing, as it does in majmin,
# sevenths, thirds and tetrads (0.0 each). X in the reference is left out of the score; that holds.
#
# Behaviour: X is encoded as root -1 and twelve tones of -1. mirex rotates the tones to their root with
# rotate_bitmap_to_root, which writes 1 wherever a tone is not 0: X becomes all twelve tones, and shares
# three with every chord. root compares -1 (X) with -1 (N) and finds them equal.
#
# Seen: a reference of C:maj, G:7, A:min against 4 s of X: root 0.0, majmin 0.0, sevenths 0.0,
# mirex 1.0; N against X: root 1.0, majmin 0.0, mirex 1.0; C:maj against N: mirex 0.0.
#
# Jasco sets both to 0 (jasco/metrics/chords.py).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mir_eval==0.8.2 numpy==2.4.6 scipy==1.17.1 decorator==5.3.1

"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import mir_eval
import numpy as np

warnings.simplefilter("error")
chord = mir_eval.chord
names = ("root", "majmin", "sevenths", "mirex")


def scores(reference, estimate):
    edges = np.arange(len(reference) + 1, dtype=float)
    times = np.stack([edges[:-1], edges[1:]], axis=1)
    whole = np.array([[0.0, edges[-1]]])
    found = chord.evaluate(times, reference, whole, [estimate])
    return tuple(float(found[name]) for name in names)


seen = {
    "C:maj G:7 A:min against X": scores(["C:maj", "G:7", "A:min"], "X"),
    "N against X": scores(["N"], "X"),
    "C:maj against N": scores(["C:maj"], "N"),
    "X against C:maj, left out": tuple(
        float(getattr(chord, name)(["X"], ["C:maj"])[0]) for name in names
    ),
}
expected = {
    "C:maj G:7 A:min against X": (0.0, 0.0, 0.0, 1.0),
    "N against X": (1.0, 0.0, 0.0, 1.0),
    "C:maj against N": (0.0, 0.0, 0.0, 0.0),
    "X against C:maj, left out": (-1.0, -1.0, -1.0, -1.0),
}
for case, values in seen.items():
    print(f"{case}: " + ", ".join(f"{n} {v}" for n, v in zip(names, values)))
sys.exit(seen != expected)
PYTHON
