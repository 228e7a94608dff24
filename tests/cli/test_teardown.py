"""The error that stops a run reaches the user, not the one that Lightning's teardown raises."""

from __future__ import annotations

import lightning.pytorch as pl
import pytest
from torch.utils.data import DataLoader

from jasco.cli.teardown import first_error


class Module(pl.LightningModule):
    def training_step(self, batch, batch_idx):
        raise AssertionError("there is no batch")

    def configure_optimizers(self):
        return None


class Loader(DataLoader):
    def __iter__(self):
        raise AttributeError("the cause")


def test_the_cause_of_a_failed_loader():
    options = dict(accelerator="cpu", logger=False, enable_checkpointing=False, max_steps=1)
    loader = Loader([0])
    with pytest.raises(RuntimeError, match="iter.combined_loader"):
        pl.Trainer(**options).fit(Module(), loader)
    with pytest.raises(AttributeError, match="the cause"), first_error():
        pl.Trainer(**options).fit(Module(), loader)


def test_other_errors_stay_as_they_are():
    with pytest.raises(ZeroDivisionError), first_error():
        try:
            raise ValueError
        except ValueError:
            1 / 0  # noqa: B018
