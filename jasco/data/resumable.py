"""LightningDataModule base for infinite, index-addressed datasets with exact mid-epoch resume."""

from __future__ import annotations

import math
import multiprocessing
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from jasco.data.sampler import ResumableBatchSampler
from jasco.errors import JascoError, SettingError
from jasco.workers import usable_cores

_MOST_WORKERS = 8


class ResumableDataModule(LightningDataModule):
    """Loaders of infinite, index-addressed datasets.

    Every checkpoint holds the next sample id, from which a resumed run continues. Subclasses set
    ``datasets["train"]`` and ``datasets["val"]`` in `setup`.

    Args:
        collate: function that batches items.
        batch_size: items per device and step.
        workers: reader processes; `default_workers` if ``None``. Results do not depend on it.
        val_items: items per validation.
        val_name: name of ``val_items`` in messages.
        shares: shares of the data by their names, such as that of the validation.

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
        **shares: float,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("workers", workers, 0),
            (val_name, val_items, 0),
        ):
            if value is not None and value < least:
                raise SettingError(f"data.{name} is {value}: give at least {least}")
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise SettingError(f"data.{name} is {share}: give a share from 0 to 1")
        self._collate = collate
        self.batch_size, self.workers, self.val_items = batch_size, workers, val_items
        self.datasets: dict[str, Any] = {}
        self._first, self._first_step = 0, 0

    def train_dataloader(self) -> DataLoader[Any]:
        """Infinite loader from the next sample id of this run."""
        rank, ranks = self._rank
        return self._loader(
            "train", ResumableBatchSampler(self._first, self.batch_size, rank, ranks)
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Loader of the same ``val_items`` items at every call."""
        rank, ranks = self._rank
        # Every rank draws the same number of batches: otherwise a rank waits in a collective.
        own = math.ceil(self.val_items / ranks)
        sampler = ResumableBatchSampler(rank * own, self.batch_size, end=(rank + 1) * own)
        return self._loader("val", sampler)

    def test_dataloader(self) -> DataLoader[Any]:
        """Loader of `val_dataloader`."""
        return self.val_dataloader()

    def predict_dataloader(self) -> DataLoader[Any]:
        """Loader of `val_dataloader`."""
        return self.val_dataloader()

    @property
    def _rank(self) -> tuple[int, int]:
        trainer = self.trainer
        return (trainer.global_rank, trainer.world_size) if trainer else (0, 1)

    def _loader(self, split: str, sampler: ResumableBatchSampler) -> DataLoader[Any]:
        ranks = self.trainer.num_devices if self.trainer else 1
        workers = default_workers(ranks) if self.workers is None else self.workers
        return DataLoader(
            self.datasets[split],
            batch_sampler=sampler,
            num_workers=workers,
            collate_fn=partial(collate_or_error, self._collate),
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_leave_stopping_to_main,
            multiprocessing_context=_start_method() if workers else None,
        )

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Raise the error that a worker returned in place of a batch."""
        if isinstance(batch, JascoError):
            raise batch
        return batch

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Copy a batch from pinned memory, during which the host goes on.

        Lightning does so with plain tensors only.
        """
        return batch.to(device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        """Next sample id (``next``) and optimizer step (``step``)."""
        trainer: Any = self.trainer
        used = trainer.world_size * self.batch_size * trainer.accumulate_grad_batches
        steps = trainer.global_step - self._first_step
        return {"next": self._first + steps * used, "step": trainer.global_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._first, self._first_step = state_dict["next"], state_dict["step"]


def hold_out(ids: Sequence[str], share: float) -> tuple[list[int], list[int]]:
    """Indices of the training and of the validation items.

    The items with the lowest ids are held out, so that the split changes little when items are
    added. A single item, or a share of 0, is used for both.
    """
    by_id = sorted(range(len(ids)), key=lambda index: ids[index])
    held = math.ceil(share * len(ids)) if len(ids) > 1 else 0
    return sorted(by_id[held:]), by_id[:held] or by_id


def collate_or_error(collate: Callable[[list[Any]], Any], items: list[Any]) -> Any:
    """Batch of items, or the first error among them.

    `DataLoader` wraps an error of a worker process in its traceback, so datasets return errors as
    values, which `ResumableDataModule` raises in the main process.
    """
    errors = (item for item in items if isinstance(item, JascoError))
    return next(errors, None) or collate(items)


def default_workers(ranks: int = 1) -> int:
    """Workers per rank: one for each core that this process may use, at most 8.

    Args:
        ranks: number of training processes that share the cores.
    """
    return min(max(usable_cores() // ranks, 1), _MOST_WORKERS)


def _start_method() -> str:
    """Start method of this process where `DataLoader` knows it, else the system's default.

    Hydra's joblib launcher runs jobs with the start method ``loky``, which starts no workers.
    """
    known = multiprocessing.get_all_start_methods()
    own = multiprocessing.get_start_method(allow_none=True)
    return own if own in known else known[0]


def _leave_stopping_to_main(worker: int) -> None:
    """Ignore signals to the process group, and connections that a stopping main process resets.

    The thread of a worker that hands tensors over would print the latter with a traceback.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    sys.excepthook = _print_unless_reset


def _print_unless_reset(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if not isinstance(error, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
