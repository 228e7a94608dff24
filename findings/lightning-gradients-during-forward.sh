#!/usr/bin/env bash
# lightning 2.6.6 and torch 2.13.0: gradients of a step during the forward pass of the next one.
#
# Guess: automatic optimization frees the gradients after a step (or before the next one begins), so
# that they do not lie in memory beside the activations of a forward pass.
# Behaviour: zero_grad is called between forward and backward pass. From the second step on all
# gradients of the step before are there while `training_step` builds its activations: the peak of a
# training holds both, 4 bytes for each parameter more than a plain loop needs.
#
# Seen: gradients during training_step: [False, True, True]
#
# Jasco: frees them in `optimizer_step`, after the update; the peak of a 400M step fell from 17.1 to
# 15.4 GB (tests/training/flow/test_memory.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q lightning==2.6.6 torch==2.13.0 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
import logging
import warnings

warnings.simplefilter("ignore")

import torch
from lightning.pytorch import LightningModule, Trainer

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Module(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 8)
        self.held = []

    def training_step(self, batch, index):
        self.held.append(self.layer.weight.grad is not None)
        return self.layer(batch).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


module = Module()
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
trainer = Trainer(max_steps=3, accelerator="cpu", enable_model_summary=False, **quiet)
trainer.fit(module, torch.utils.data.DataLoader(torch.randn(12, 8), 4))
print("gradients during training_step:", module.held)
raise SystemExit(module.held != [False, True, True])
PYTHON
"$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
