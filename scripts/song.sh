#!/usr/bin/env bash
# First song on a fresh machine: virtual environment, installation, song.flac.
#   bash scripts/song.sh
#   bash scripts/song.sh --seed 8 -o other.flac     more options of jasco-generate
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/environment.sh

enter_environment
install_jasco ""
jasco-generate "warm 80s synth-pop, driving bass" --chords "C Am | F G7 | C Am | F C" --bpm 96 \
    --drums sample:beat.ogg --melody sample:tune.mid --seed 7 -o song.flac "$@"
