#!/usr/bin/env bash
# torch 2.13.0 (CPU build), on a CPU with AMX (flag amx_bf16), seen November 2026.
# Guess: Conv1d under autocast to bfloat16 differs from float32 by rounding, some thousandths of the output.
# Behaviour: with strides of 4 and more and 8 to 24 input channels, as in the encoder of a small audio codec, the
#   values are wrong by as much as they are large; so are the gradients of ConvTranspose1d of that shape, and a
#   codec trained in bf16-mixed does not learn. From 32 channels on all is right. ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16
#   gives right values. On a CPU without AMX there is nothing to see.
# Jasco: computes such convolutions in float32 on CPUs (jasco/encodec/seanet.py).
# Output seen (relative errors):
#   16 channels, kernel 8, stride 4: 1.1248; without AMX 0.0029
#   32 channels, kernel 8, stride 4: 0.0028; without AMX 0.0028
set -euo pipefail
if ! grep -qw amx_bf16 /proc/cpuinfo; then
    echo "no AMX here: nothing to see"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.3.5
cat >"$folder/seen.py" <<'PY'
import torch

for channels in (16, 32):
    torch.manual_seed(0)
    convolution = torch.nn.Conv1d(channels, 2 * channels, 8, stride=4)
    x = torch.randn(4, channels, 2048)
    with torch.no_grad():
        exact = convolution(x)
        with torch.autocast("cpu", torch.bfloat16):
            found = convolution(x).float()
    print(channels, round(float((found - exact).norm() / exact.norm()), 4))
PY
with=$("$folder/venv/bin/python" "$folder/seen.py")
without=$(ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 "$folder/venv/bin/python" "$folder/seen.py")
error() { awk -v c="$2" '$1 == c { print $2 }' <<<"$1"; }
for channels in 16 32; do
    echo "$channels channels, kernel 8, stride 4: $(error "$with" $channels); without AMX $(error "$without" $channels)"
done
awk -v a="$(error "$with" 16)" -v b="$(error "$with" 32)" -v c="$(error "$without" 16)" \
    'BEGIN { exit !(a > 0.5 && b < 0.01 && c < 0.01) }' || { echo "this has changed"; exit 1; }
