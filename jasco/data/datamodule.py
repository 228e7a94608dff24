"""Training and validation clips of a prepared dataset or a manifest."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jasco.data.clips import Augmentation, ClipBatch, ClipDataset, Source, collate
from jasco.data.dropout import ConditionDropout, TextDropout, description
from jasco.data.prepared import PreparedDataset
from jasco.data.raw import RawAudioDataset
from jasco.data.resumable import ResumableDataModule, collate_or_error, hold_out
from jasco.errors import DataError, SettingError
from jasco.model import Jasco

Opener = Callable[[str | os.PathLike[str], Sequence[str], Jasco], Source]
SOURCES: dict[str, Opener] = {
    "": PreparedDataset.for_model,
    ".jsonl": RawAudioDataset.for_model,
}
"""Sources of clips, with the controls of a model, by the suffix of their root; "" is a folder."""


class JascoDataModule(ResumableDataModule):
    """Clips of the length and with the controls of the model that is trained.

    Args:
        root: folder of a prepared dataset; or a manifest (``.jsonl``), whose recordings are then
            read and encoded on the fly.
        text: text augmentation of training.
        batch_size: clips per device and step.
        workers: processes that read; see `ResumableDataModule`.
        seed: of all that is drawn.
        val_root: dataset or manifest to validate on.
        val_share: where there is none, the share of the tracks of ``root`` that is kept for it.
        val_clips: clips of a validation.
        min_segment_ratio: a track shorter than a clip is used, with padding, if it fills this much.
        without: controls of the model that the data does not have; they stay at their null.
        dropout: probabilities of `ConditionDropout` in training; `jasco-train` sets those of the
            module.

    Raises:
        DataError: there is no such dataset.
        SettingError: a value out of range.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        text: TextDropout | None = None,
        batch_size: int = 16,
        workers: int | None = None,
        seed: int = 0,
        val_root: str | os.PathLike[str] | None = None,
        val_share: float = 0.02,
        val_clips: int = 64,
        min_segment_ratio: float = 0.8,
        without: Sequence[str] = (),
        dropout: Mapping[str, float] | None = None,
    ) -> None:
        shares = {"val_share": val_share, "min_segment_ratio": min_segment_ratio}
        super().__init__(collate, batch_size, workers, val_clips, "val_clips", **shares)
        for place in (root, val_root):
            if place is not None and not Path(place).expanduser().exists():
                raise DataError(
                    f"no dataset at {place}: give a folder of jasco-prepare, or a manifest"
                )
        self.root, self.val_root = root, val_root
        self.text = text or TextDropout()
        self.seed, self.val_share = seed, val_share
        self.min_segment_ratio = min_segment_ratio
        self.without = tuple(without)
        self.dropout = dropout or {}

    # --- what is there -----------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Open the data and see that it fits the model.

        Raises:
            DataError, SettingError: what does not fit, before the first step.
        """
        if self.datasets:
            return
        model = self._model
        absent = [name for name in self.without if name not in model.controls]
        if absent:
            raise SettingError(
                f"data.without names {', '.join(absent)}, but the controls of the model are "
                f"{', '.join(model.controls)}"
            )
        source = self._open(self.root, model)
        train = self._usable(source, model)
        if self.val_root is None:
            val_source = source
            ids = [source.tracks[index].id for index in train]
            parts = hold_out(ids, self.val_share)
            train, val = ([train[place] for place in part] for part in parts)
        else:
            val_source = self._open(self.val_root, model)
            val = self._usable(val_source, model)
        dropout = ConditionDropout(self.dropout, model.controls)
        augmentation = Augmentation(self.text, dropout)
        shape = (model.num_frames(), model.codec.latent_dim)
        self.datasets = {
            "train": ClipDataset(source, train, shape, self.seed, augmentation),
            "val": ClipDataset(val_source, val, shape, self.seed),
        }

    @property
    def _model(self) -> Jasco:
        model = getattr(getattr(self.trainer, "lightning_module", None), "model", None)
        if not isinstance(model, Jasco):
            raise SettingError("JascoDataModule belongs to a Trainer with a JascoModule")
        return model

    def _open(self, root: str | os.PathLike[str], model: Jasco) -> Source:
        controls = tuple(c for c in model.controls if c != "text" and c not in self.without)
        path = Path(root).expanduser()
        kind = "" if path.is_dir() else path.suffix.lower()
        source = SOURCES.get(kind, SOURCES[".jsonl"])(root, controls, model)
        wanted = "text" in model.controls and "text" not in self.without
        if wanted and not any(description(track.fields) for track in source.tracks):
            raise DataError(
                f"no track of {root} has a text or description: give them in the manifest and run "
                "jasco-prepare again, or train without with data.without=[text]"
            )
        return source

    def _usable(self, source: Source, model: Jasco) -> list[int]:
        """Tracks that fill a clip, or enough of one."""
        shortest = max(1, math.ceil(self.min_segment_ratio * model.num_frames()))
        usable = [i for i, track in enumerate(source.tracks) if track.num_frames >= shortest]
        if not usable:
            raise DataError(
                f"none of the {len(source.tracks)} tracks lasts {shortest / model.frame_rate:g} s: "
                "give longer ones, or lower data.min_segment_ratio"
            )
        return usable

    def validation_clips(self, count: int) -> ClipBatch:
        """Batch of the first validation clips, for the logged samples.

        Raises:
            DataError: one of them cannot be read.
        """
        found = [self.datasets["val"][sample_id] for sample_id in range(count)]
        batch: ClipBatch = self.on_before_batch_transfer(collate_or_error(collate, found), 0)
        return batch
