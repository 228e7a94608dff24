#!/usr/bin/env bash
# Install the checkout with extras into its .venv, as the image does: bash scripts/serve/install.sh serve,chords
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/environment.sh

export PIP_NO_CACHE_DIR=1
command -v "${PYTHON:-python3}" >/dev/null || debian python3 python3-venv
enter_environment
install_jasco "${1:-serve}"
