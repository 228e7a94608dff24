"""The model as Lightning trains and tests it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch
from lightning.pytorch.strategies import FSDPStrategy
from safetensors.torch import save_file
from torch import Tensor, nn

from jasco.checkpoint import provided_by_hub
from jasco.conditioners import TextConditioner
from jasco.conditions import ConditionBatch
from jasco.data.clips import ClipBatch
from jasco.errors import JascoError, SettingError
from jasco.flow import shift_timesteps
from jasco.io.atomic import replacing
from jasco.model import Jasco
from jasco.training.flow.breakdown import LossBreakdown, time_groups
from jasco.training.flow.objective import Objective
from jasco.training.footprint import footprint
from jasco.training.module import TrainingModule
from jasco.training.optim import Optimization

PRECISIONS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16}
"""Lightning's names of the precisions, and ours."""


class JascoModule(TrainingModule):
    """Flow-matching training of a `Jasco`, which stays the same object that generates.

    A checkpoint holds the model's configuration as plain data in ``hyper_parameters``, and all
    weights but those of a frozen text encoder, which the configuration names.

    Args:
        model: to train; of its own ``config``.
        objective: training objective; its dropout goes into the model's configuration.
        optim: optimiser and learning-rate schedule.
        seed: seed of the dropout of a trained text encoder.
        checkpointing: recompute activations, see `jasco.network.transformer.Transformer`.
    """

    def __init__(
        self,
        model: Jasco,
        objective: Objective | None = None,
        optim: Optimization | None = None,
        seed: int = 0,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(optim, seed)
        model.network.transformer.checkpointing = checkpointing
        self.objective = objective or Objective()
        self.dropout = {**(model.config.get("dropout") or {}), **self.objective.dropout}
        self.model = model
        if self.dropout:
            model.config = model.config | {"dropout": self.dropout}
        left_out = tuple(f"model.{name}" for name in _left_out(model))
        keep_out_of_checkpoints(self, left_out)
        controls = model.controls
        given = [f"{how}/{name}" for name in controls for how in ("with", "without")]
        self._seen = LossBreakdown(["loss", *time_groups(), *given])
        without = [f"without/{name}" for name in controls] if len(controls) > 1 else []
        self._evaluated = LossBreakdown(
            ["loss", *time_groups(), *without, "without/all", "latent_correlation"]
        )
        self._suspect: ClipBatch | None = None
        self._latest: ClipBatch | None = None
        self._logged_step = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> JascoModule:
        """A copy, such as of averaged weights, that shares the parts that do not train."""
        fixed = [p for p in self.parameters() if not p.requires_grad]
        for part in (*self.shared_parts(), *fixed):
            memo[id(part)] = part
        copied = self.__class__.__new__(self.__class__)
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return copied

    def shared_parts(self) -> list[nn.Module]:
        """Parts that do not train, which copies share."""
        return frozen_parts(self.model)

    # --- loss --------------------------------------------------------------------------------

    def targets(self, batch: ClipBatch) -> Tensor:
        """Normalised latents z_1 (B, T, D) of the clips, encoded here where they come as audio."""
        codec = self.model.codec
        if batch.audio is not None:
            with torch.no_grad():
                return codec.encode(batch.audio)
        if batch.latents is None:
            raise SettingError("a batch has either latents or audio: this one has neither")
        return (batch.latents - codec.mean) / codec.std

    def encode(self, batch: ClipBatch) -> ConditionBatch:
        """The conditions of the clips, at their null where they are dropped or padding."""
        encoded = self.model.encode(batch.conditions, batch.mask.shape[1])
        for name, control in encoded.controls.items():
            encoded = encoded.drop(name, where=batch.dropped[name])
            if control.mask is None and batch.padded:
                encoded = encoded.drop(name, where=~batch.mask)
        return encoded

    def losses(
        self,
        batch: ClipBatch,
        conditions: ConditionBatch,
        windows: Mapping[int, float] | None = None,
    ) -> Tensor:
        """Flow-matching loss of each clip (B,), over its real frames."""
        return self.model.loss(
            self.targets(batch),
            conditions,
            t=batch.t,
            z_0=batch.noise,
            mask=batch.mask if batch.padded else None,
            weighting=self.objective.weighting,
            windows=windows,
        )

    # --- training ----------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Generate in the precision of training."""
        precision = str(self.trainer.precision)
        if precision not in PRECISIONS:
            raise SettingError(f"trainer.precision={precision}: give {' or '.join(PRECISIONS)}")
        if "adapter" in self.model.config and isinstance(self.trainer.strategy, FSDPStrategy):
            raise SettingError("adapters train in one piece: give trainer=auto or trainer=ddp")
        self.model.dtype = PRECISIONS[precision]

    def training_step(self, batch: ClipBatch, batch_idx: int) -> Tensor:
        """Mean loss of a batch."""
        batch = replace(batch, t=shift_timesteps(batch.t, self.objective.shift))
        losses = self.losses(batch, self.encode(batch), self.objective.windows)
        self._seen.add("loss", losses)
        self._seen.add_times(losses, batch.t)
        for name in self.model.controls:
            given = batch.given(name)
            self._seen.add(f"with/{name}", losses, given)
            self._seen.add(f"without/{name}", losses, ~given)
        loss = losses.mean()
        self._latest = batch
        if not bool(loss.isfinite()):
            self._suspect = batch
        return loss

    def loss_is_finite(self) -> bool:
        """True unless a clip of this step has a loss that is not finite."""
        return self._suspect is None

    def on_train_batch_end(self, outputs: Any, batch: ClipBatch, batch_idx: int) -> None:
        """Log the mean losses of all clips since they were logged last."""
        trainer: Any = self.trainer
        step = trainer.global_step
        if step % trainer.log_every_n_steps or step == self._logged_step:
            return
        means = self.unlogged()
        self.log("train/loss", means.pop("train/loss"), prog_bar=True)
        self.log_dict(means)

    def unlogged(self) -> dict[str, float]:
        """Means of all clips since the last call, by their names in a log; called on all ranks."""
        trainer: Any = self.trainer
        self._logged_step = trainer.global_step
        means = {f"train/{name}": mean for name, mean in self._read(self._seen).items()}
        return means | {"train/lr": trainer.optimizers[0].param_groups[0]["lr"]}

    def trained_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters of the model, by their names in it."""
        return self.model.named_parameters()

    def configure_data(self, data: Any) -> None:
        """Hand the dropout of the conditions to the data module."""
        data.dropout = self.dropout

    def size(self, batch_size: int, precision: str, *, averaged: bool) -> list[str]:
        """Controls of the model, and its footprint."""
        dtype = PRECISIONS.get(precision, torch.float32)
        found = footprint(self.model, batch_size, dtype, averaged=averaged)
        return [", ".join(self.model.controls), *found.lines()]

    def _read(self, breakdown: LossBreakdown) -> dict[str, float]:
        reduce = partial(self.trainer.strategy.reduce, reduce_op="sum")
        return breakdown.read(reduce, self.device)

    def stop(self, advice: str = "") -> NoReturn:
        """Keep the batch that made the loss infinite or no number, and end the run."""
        batch = self._suspect or self._latest
        if batch is None:  # a training on no clips
            super().stop(advice)
        step = self.trainer.global_step
        name = f"nonfinite-step{step}-rank{self.global_rank}.safetensors"
        path = Path(self.trainer.default_root_dir, name)
        save_batch(batch, path)
        raise JascoError(
            f"the loss or its gradient is not finite at step {step}: its batch is in {path}; lower "
            "optim.lr, or look for what is odd in the data"
        )

    # --- evaluation --------------------------------------------------------------------------

    def validation_step(self, batch: ClipBatch, batch_idx: int) -> None:
        """Losses at the clips' own noise and times: with all controls, and without each."""
        self._evaluate(batch)

    def test_step(self, batch: ClipBatch, batch_idx: int) -> None:
        """The same losses, and how alike what is generated is to the clips."""
        self._evaluate(batch)
        latents = self.predict_step(batch, batch_idx)["latents"].to(self.device)
        self._evaluated.add(
            "latent_correlation", correlation(latents, self.targets(batch), batch.mask)
        )

    def predict_step(self, batch: ClipBatch, batch_idx: int) -> dict[str, Any]:
        """The fields of a `Generation` for the clips, by the sampler that serves users."""
        # The model casts what it computes in lower precision; the trainer would cast the codec too.
        with torch.autocast(self.device.type, enabled=False):
            return vars(self.model.generate(batch.conditions, seed=batch.sample_ids))

    def _evaluate(self, batch: ClipBatch) -> None:
        conditions = self.encode(batch)
        losses = self.losses(batch, conditions)
        self._evaluated.add("loss", losses)
        self._evaluated.add_times(losses, batch.t)
        variants = {"without/all": self.model.controls}
        if len(self.model.controls) > 1:
            variants |= {f"without/{name}": (name,) for name in self.model.controls}
        for variant, names in variants.items():
            self._evaluated.add(variant, self.losses(batch, conditions.drop(*names)))

    def on_validation_epoch_end(self) -> None:
        self._log_evaluation("val")

    def on_test_epoch_end(self) -> None:
        self._log_evaluation("test")

    def _log_evaluation(self, stage: str) -> None:
        means = self._read(self._evaluated)
        self.log_dict({f"{stage}/{name}": mean for name, mean in means.items()})

    # --- checkpoints -------------------------------------------------------------------------

    def parts_beside(self) -> dict[str, Callable[[Path], None]]:
        """Pretrained parts to keep in folders beside the checkpoints, which then need no Hub."""
        nodes = self.model.config["model"]
        parts: dict[str, Callable[[Path], None]] = {}
        if nodes["codec"].get("pretrained"):
            parts["codec"] = self.model.codec.save
        if self.model.codec.decoder is not None and nodes["codec"]["decoder"].get("pretrained"):
            parts["decoder"] = self.model.codec.decoder.save
        if nodes["conditioners"].get("text", {}).get("pretrained"):
            text: Any = self.model.conditioners["text"]
            parts["text_encoder"] = text.save_encoder
        return parts

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the configuration of the model, in plain data."""
        checkpoint["hyper_parameters"] = copy.deepcopy(self.model.config)


def _left_out(model: Jasco) -> tuple[str, ...]:
    """Beginnings of the names of tensors that checkpoints omit.

    Those of an adapter's run hold the adapter alone: the rest is the checkpoint that it began from.
    """
    if "adapter" not in model.config:
        return provided_by_hub(model.config)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    return tuple(name for name in model.state_dict() if name not in trained)


def frozen_parts(model: Jasco) -> list[nn.Module]:
    """Parts of the model of which nothing trains."""
    parts: list[nn.Module] = [model.codec]
    text = model.conditioners["text"] if "text" in model.conditioners else None
    if isinstance(text, TextConditioner):
        parts.append(text.encoder)
    return [part for part in parts if not any(p.requires_grad for p in part.parameters())]


def correlation(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """Pearson correlation (B,) of two (B, T, D) over the frames where ``mask`` (B, T) is true."""
    frames = mask[..., None].to(a.dtype)
    count = frames.sum((1, 2), keepdim=True) * a.shape[-1]
    a = (a - (a * frames).sum((1, 2), keepdim=True) / count) * frames
    b = (b - (b * frames).sum((1, 2), keepdim=True) / count) * frames
    return (a * b).sum((1, 2)) / (a.square().sum((1, 2)) * b.square().sum((1, 2))).sqrt()


def save_batch(batch: ClipBatch, path: Path) -> None:
    """Write a batch as a safetensors file, with its texts and chords in the header."""
    tensors = {"t": batch.t, "noise": batch.noise, "mask": batch.mask}
    tensors |= {"latents": batch.latents} if batch.latents is not None else {}
    tensors |= {"audio": batch.audio} if batch.audio is not None else {}
    tensors |= {f"dropped.{name}": where for name, where in batch.dropped.items()}
    facts = [
        {"number": n, "text": c.text, "chords": c.chords.pairs() if c.chords else None}
        for n, c in zip(batch.sample_ids, batch.conditions, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as part:
        save_file(own, part, metadata={"clips": json.dumps(facts)})


def keep_out_of_checkpoints(module: nn.Module, prefixes: tuple[str, ...]) -> None:
    """Keep tensors whose names begin so out of the module's state dicts, saved and loaded."""
    module.register_state_dict_post_hook(partial(_leave_out, prefixes))
    module.register_load_state_dict_post_hook(partial(_do_not_miss, prefixes))


def _leave_out(
    prefixes: tuple[str, ...], module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any
) -> None:
    for name in [key for key in state if key.removeprefix(prefix).startswith(prefixes)]:
        del state[name]


def _do_not_miss(prefixes: tuple[str, ...], module: nn.Module, incompatible: Any) -> None:
    # Within another module, as that of averaged weights, a name has a prefix more.
    incompatible.missing_keys[:] = [
        key
        for key in incompatible.missing_keys
        if not any(key.startswith(name) or f".{name}" in key for name in prefixes)
    ]
