"""Callbacks of training: weight averaging, checkpoints, signals, progress."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint, TQDMProgressBar, WeightAveraging
from lightning.pytorch.strategies import FSDPStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from jasco.checkpoint import RUN_FILE
from jasco.errors import CheckpointError, Interrupted, SettingError
from jasco.io.atomic import replacing_folder

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
"""Signals that save and stop a run: those of schedulers, and Ctrl-C."""


class EMA(WeightAveraging):
    """Exponential moving average of the weights, in float32.

    Validation, samples and loaded checkpoints use the average. Frozen parts are shared with the
    live module, not averaged.

    Args:
        decay: weight of the previous average in an update.
        every: steps between updates.

    Raises:
        SettingError: a decay outside [0, 1], or ``every`` below 1.
    """

    def __init__(self, decay: float = 0.99, every: int = 10) -> None:
        if not 0 <= decay <= 1 or every < 1:
            raise SettingError(f"EMA decay={decay}, every={every}: give 0 to 1, and at least 1")
        super().__init__(use_buffers=False, multi_avg_fn=average_others(decay))
        self.every = every

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if isinstance(trainer.strategy, FSDPStrategy):
            raise SettingError(
                "weights in shards are not averaged: add '~callbacks.ema', or take trainer=ddp"
            )
        super().setup(trainer, pl_module, stage)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return step_idx is not None and step_idx % self.every == 0

    @contextmanager
    def applied(self, module: LightningModule) -> Iterator[None]:
        """Swap the averaged weights into the module within the block."""
        if self._average_model is None:
            yield
            return
        self._swap_models(module)
        try:
            yield
        finally:
            self._swap_models(module)


@contextmanager
def averaged(trainer: Any, module: LightningModule) -> Iterator[None]:
    """Swap averaged weights into the module, where the trainer has an `EMA`."""
    averages = [callback for callback in trainer.callbacks if isinstance(callback, EMA)]
    with averages[0].applied(module) if averages else nullcontext():
        yield


def average_others(decay: float) -> Callable[..., None]:
    """EMA update that skips parameters shared with the live module.

    Averaging -0.0 with itself gives +0.0, which would change the codec fingerprint.
    """
    average = get_ema_multi_avg_fn(decay)

    def update(averages: Sequence[Tensor], current: Sequence[Tensor], count: Any) -> None:
        pairs = zip(averages, current, strict=True)
        own = [(a, c) for a, c in pairs if a.data_ptr() != c.data_ptr()]
        if own:
            average([a for a, _ in own], [c for _, c in own], count)

    return update


class Checkpoints(Checkpoint):
    """Checkpoints between steps: at regular intervals, at the end, and on a signal.

    A run resumes from ``last.ckpt``. ``best.ckpt`` (lowest validation loss) and ``step-N.ckpt`` are
    hard links to a ``last.ckpt``, so that nothing is written twice. The module's ``parts_beside``
    are written to the same folder, once.

    Args:
        folder: folder of the checkpoints.
        every: steps between checkpoints.
        keep_every: steps between checkpoints that are kept; ``None`` keeps none.
        spare_gb: disk space to leave free (GB).

    Raises:
        SettingError: a number of steps below 1.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int = 1000,
        keep_every: int | None = None,
        spare_gb: float = 1.0,
    ) -> None:
        if every < 1 or (keep_every is not None and keep_every < 1):
            raise SettingError(f"every={every}, keep_every={keep_every}: give at least one step")
        self.folder = Path(folder)
        self.last = self.folder / RUN_FILE.name
        self.every, self.keep_every, self.spare_gb = every, keep_every, spare_gb
        self.best = float("inf")
        self._step = 0
        self._signal: int | None = None
        self._handlers: dict[int, Any] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the disk space, and write the frozen pretrained parts."""
        if trainer.is_global_zero:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._require_space(pl_module)
            self._write_parts(pl_module)

    def _require_space(self, module: LightningModule) -> None:
        kept = sum(tensor.numel() for tensor in module.state_dict().values())
        trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
        size = 4 * (kept + 3 * trained)  # weights, average, two AdamW moments
        copies = 1 if self.last.exists() else 2  # the previous one stays until the next is complete
        needed = size * copies + self.spare_gb * 1e9
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise CheckpointError(
                f"{self.folder} has {free / 1e9:.1f} GB free, and checkpoints need "
                f"{needed / 1e9:.1f} GB ({size / 1e9:.1f} GB each): free some, or run elsewhere"
            )

    def _write_parts(self, module: LightningModule) -> None:
        writers: dict[str, Callable[[Path], None]] = getattr(module, "parts_beside", dict)()
        for name, write in writers.items():
            if not (self.folder / name).exists():
                with replacing_folder(self.folder / name) as new:
                    write(new)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Handle signals between steps; Lightning's handlers would act within a step."""
        self._step, self._signal = trainer.global_step, None
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._notice) for number in SIGNALS}

    def _notice(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        if number == signal.SIGINT:  # a second Ctrl-C stops at once
            signal.signal(number, signal.default_int_handler)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step == self._step:
            return  # gradients are still being accumulated
        self._step = step
        stop = trainer.strategy.reduce_boolean_decision(self._signal is not None, all=False)
        kept = self.keep_every is not None and step % self.keep_every == 0
        if stop or kept or step % self.every == 0 or step == trainer.max_steps:
            self._save(trainer, f"step-{step:07d}.ckpt" if kept else None)
        if stop:
            number = self._signal or signal.SIGTERM  # another rank may have had the signal
            raise Interrupted(
                f"{signal.Signals(number).name}: saved at step {step}, the same command resumes",
                signal=number,
                rank=trainer.global_rank,
            )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the checkpoint of the lowest validation loss."""
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return
        loss = float(trainer.callback_metrics.get("val/loss", float("inf")))
        if loss < self.best:
            self.best = loss
            self._save(trainer, "best.ckpt")

    def _save(self, trainer: Trainer, link: str | None) -> None:
        trainer.save_checkpoint(self.last)
        if link and trainer.is_global_zero:
            part = self.folder / f".{link}.part"
            part.unlink(missing_ok=True)
            try:
                os.link(self.last, part)
            except OSError:  # a file system without hard links
                shutil.copyfile(self.last, part)
            os.replace(part, self.folder / link)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._restore_signals()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._restore_signals()

    def _restore_signals(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]


class LastMetrics(Callback):
    """Log of the last step of a run, whatever ``log_every_n_steps``, also after a signal."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log(trainer, pl_module)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        if isinstance(exception, Interrupted):  # all ranks raise it after the same step
            self._log(trainer, pl_module)

    def _log(self, trainer: Any, module: LightningModule) -> None:
        step = trainer.global_step
        every = trainer.log_every_n_steps
        if not trainer.loggers or not every or not step or step % every == 0:
            return
        found = {n: float(v) for n, v in trainer.callback_metrics.items() if n.startswith("train/")}
        found |= getattr(module, "unlogged", dict)()
        for logger in trainer.loggers:
            logger.log_metrics(found | {"epoch": trainer.current_epoch}, step - 1)


class LastValidation(Callback):
    """Validation after the last step of a run, wherever the last regular one was."""

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step >= trainer.max_steps:
            trainer.should_stop = True  # Lightning validates before it stops


class Pace(Callback):
    """Time per step, and an estimate of the remaining time, printed once.

    The first step allocates memory and selects kernels, so it is not measured.

    Args:
        seconds: time to measure before the estimate (s), and at least two steps.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self.seconds = seconds
        self.per_step: float | None = None
        self._printed = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start: tuple[int, float] | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, now = trainer.global_step, time.monotonic()
        if self._start is None:
            self._start = (step, now)
            return
        steps, passed = step - self._start[0], now - self._start[1]
        if self._printed or steps < 1:
            return
        self.per_step = passed / steps
        if steps >= 2 and passed >= self.seconds and trainer.is_global_zero:
            self._printed = True
            rest = (trainer.max_steps - step) * self.per_step
            pace = f"{format_duration(self.per_step)} a step"
            line = f"{pace}: {format_duration(rest)} to step {trainer.max_steps}"
            bar: Any = trainer.progress_bar_callback
            (bar.print if bar else partial(print, flush=True))(line)

    def suffix(self) -> str:
        """Time per step, as the end of a line; empty without a measurement."""
        return "" if self.per_step is None else f", {format_duration(self.per_step)} a step"


def format_duration(seconds: float) -> str:
    """Duration in its largest unit, with two digits: ``0.25 s``, ``12 min``, ``2.3 h``."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.2g} s"


class StepBar(TQDMProgressBar):
    """Progress bar over all steps of a run: infinite datasets have no epochs."""

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        bar = self.train_progress_bar
        bar.reset(trainer.max_steps)
        bar.n = bar.initial = trainer.global_step
        bar.set_description("training")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._should_update(trainer.global_step, trainer.max_steps):
            self.train_progress_bar.n = trainer.global_step
            self.train_progress_bar.set_postfix(self.get_metrics(trainer, pl_module))

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        return dict(trainer.progress_bar_metrics)
