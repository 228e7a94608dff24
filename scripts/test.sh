#!/usr/bin/env bash
# All tests on a fresh machine: system packages, virtual environment, every extra, Chordino, pytest.
#   bash scripts/test.sh
#   bash scripts/test.sh -m "not slow"     more options of pytest
# JASCO_SHARED: folder of the golden data, by default ../shared. With it no test may skip; without it the
# tests that compare with the original implementation do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/environment.sh

missing=()
command -v git >/dev/null || missing+=(git)
command -v ffmpeg >/dev/null || missing+=(ffmpeg)
command -v fluidsynth >/dev/null || missing+=(fluidsynth)
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
[ -f /usr/share/sounds/sf2/FluidR3_GM.sf2 ] || missing+=(fluid-soundfont-gm)
[ ${#missing[@]} = 0 ] || debian "${missing[@]}"

enter_environment
install_jasco all,dev,docs
jasco-doctor --install-chordino --yes
if [ -d "${JASCO_SHARED:-../shared}" ]; then
    export JASCO_REQUIRE_ALL=1
else
    echo "no golden data at ${JASCO_SHARED:-../shared}: the tests that compare with it are skipped"
fi
# A worker that is done takes tests of the other: else one ends minutes before the other.
exec pytest -n auto --dist worksteal "$@"
