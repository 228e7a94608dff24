"""Data that is drawn by number: loaders for all ranks, and going on where a run stopped."""

from __future__ import annotations

import math
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from jasco.data.clips import Numbers
from jasco.errors import JascoError, SettingError
from jasco.workers import usable_cores

_MOST_WORKERS = 8


class NumberedDataModule(LightningDataModule):
    """Batches of datasets whose item ``n`` is always the same, and which have no end.

    The next number to draw is in every checkpoint, so that a resumed run goes on with the next
    items. A child puts its datasets ``train`` and ``val`` in place when it is set up.

    Args:
        collate: makes a batch of items.
        batch_size: items per device and step.
        workers: processes that read, on which no result depends; by default `default_workers`.
        val_items: items of a validation.
        val_name: what a user calls ``val_items``.

    Raises:
        SettingError: a value out of range.
    """

    def __init__(
        self,
        collate: Callable[[list[Any]], Any],
        batch_size: int,
        workers: int | None,
        val_items: int,
        val_name: str,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("workers", workers, 0),
            (val_name, val_items, 0),
        ):
            if value is not None and value < least:
                raise SettingError(f"data.{name} is {value}: give at least {least}")
        self._collate = collate
        self.batch_size, self.workers, self.val_items = batch_size, workers, val_items
        self._clips: dict[str, Any] = {}
        self._first, self._first_step = 0, 0

    # --- batches -----------------------------------------------------------------------------

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches without end, from the number on that this run has come to."""
        rank, ranks = self._place
        return self._loader("train", Numbers(self._first, self.batch_size, rank, ranks))

    def val_dataloader(self) -> DataLoader[Any]:
        """The same items at every call."""
        rank, ranks = self._place
        # Each rank takes as many, or some would wait for ever; there are numbers enough.
        own = math.ceil(self.val_items / ranks)
        numbers = Numbers(rank * own, self.batch_size, end=(rank + 1) * own)
        return self._loader("val", numbers)

    def test_dataloader(self) -> DataLoader[Any]:
        """As `val_dataloader`."""
        return self.val_dataloader()

    def predict_dataloader(self) -> DataLoader[Any]:
        """As `val_dataloader`."""
        return self.val_dataloader()

    @property
    def _place(self) -> tuple[int, int]:
        """This rank, and how many there are."""
        trainer = self.trainer
        return (trainer.global_rank, trainer.world_size) if trainer else (0, 1)

    def _loader(self, split: str, numbers: Numbers) -> DataLoader[Any]:
        ranks = self.trainer.num_devices if self.trainer else 1
        workers = default_workers(ranks) if self.workers is None else self.workers
        return DataLoader(
            self._clips[split],
            batch_sampler=numbers,
            num_workers=workers,
            collate_fn=partial(collate_or_error, self._collate),
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_ignore_signals,
            multiprocessing_context=_start_method() if workers else None,
        )

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Raise an error that a worker has met."""
        if isinstance(batch, JascoError):
            raise batch
        return batch

    # --- resuming ----------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The first number that no step has used, and the step."""
        trainer: Any = self.trainer
        used = trainer.world_size * self.batch_size * trainer.accumulate_grad_batches
        steps = trainer.global_step - self._first_step
        return {"next": self._first + steps * used, "step": trainer.global_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._first, self._first_step = state_dict["next"], state_dict["step"]


def hold_out(ids: Sequence[str], share: float) -> tuple[list[int], list[int]]:
    """Indices to train on and to validate on, of items known by their ids.

    An item that is held out stays so when others are added, unless they come before it. Where
    nothing can be held out, validation is on what is trained on.
    """
    by_id = sorted(range(len(ids)), key=lambda index: ids[index])
    held = math.ceil(share * len(ids)) if len(ids) > 1 else 0
    return sorted(by_id[held:]), by_id[:held] or by_id


def collate_or_error(collate: Callable[[list[Any]], Any], items: list[Any]) -> Any:
    """A batch of items, or the first error in the place of an item.

    A worker process cannot raise an error without wrapping it in its traceback, so errors travel as
    values.
    """
    errors = (item for item in items if isinstance(item, JascoError))
    return next(errors, None) or collate(items)


def default_workers(ranks: int = 1) -> int:
    """One worker for each core that this process may use, at most 8.

    Args:
        ranks: training processes that share the cores.
    """
    return min(max(usable_cores() // ranks, 1), _MOST_WORKERS)


def _start_method() -> str:
    """Start method of the workers: this process's own, or the system's default.

    A job of Hydra's joblib launcher runs in a process whose own method is ``loky``, by which no
    `DataLoader` can start a worker.
    """
    known = multiprocessing.get_all_start_methods()
    own = multiprocessing.get_start_method(allow_none=True)
    return own if own in known else known[0]


def _ignore_signals(worker: int) -> None:
    """Leave it to the main process what a signal to the whole group means."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
