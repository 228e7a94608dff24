"""Generation for an evaluation, sharded over devices by Lightning, each take judged as it comes."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch.utils.data import DataLoader

from jasco.audio import Audio
from jasco.evaluation.plan import Batch, Plan, noise_seed
from jasco.evaluation.records import Key, RecordFile
from jasco.evaluation.scoring import ScoringPool, Take
from jasco.evaluation.settings import CEILING, MISMATCHED, wishes

AUDIO = "audio"


class EvaluationModule(LightningModule):
    """Makes batches of a plan; every rank takes its share of them and appends its own records.

    Args:
        plan: what to make.
        batches: those that are to be made.
        judged: takes of them that need not be judged again.
        folder: of the run.
        workers: processes that judge, of each rank.
        dtype: see `Jasco.dtype`.
        threads: with which PyTorch computes.
    """

    def __init__(
        self,
        plan: Plan,
        batches: list[Batch],
        judged: Collection[Key],
        folder: Path,
        workers: int,
        dtype: torch.dtype,
        threads: int,
    ) -> None:
        super().__init__()
        self.model = plan.model
        self.plan, self.batches, self.folder, self.workers = plan, batches, folder, workers
        self.judged = judged
        self.compute_dtype, self.threads = dtype, threads
        self.other = plan.other()
        self.times = dict.fromkeys(("flow", "codec", "embedding", "judging", "waiting"), 0.0)

    def predict_dataloader(self) -> DataLoader[int]:
        """Numbers of the batches of this rank."""
        share = range(self.trainer.global_rank, len(self.batches), self.trainer.world_size)
        return DataLoader(list(share), batch_size=None)  # type: ignore[arg-type]

    def on_predict_start(self) -> None:
        self.model.dtype = self.compute_dtype
        # The first process decides: the others may see other threads, which Lightning sets.
        torch.set_num_threads(self.trainer.strategy.broadcast(self.threads))
        if self.plan.embedder is not None:
            self.plan.embedder.to(self.device)
        self._records = RecordFile(self.folder, self.trainer.global_rank)
        self._judges = ScoringPool(self.plan.hearing, self.workers, self._keep)

    def predict_step(self, number: Any, batch_idx: int) -> None:
        """Make the takes of a batch, and hand them to the judges."""
        batch = self.batches[int(number)]
        made = self._through_codec(batch) if batch.setting == CEILING else self._generate(batch)
        takes = []
        for key, place, samples in zip(self.plan.keys(batch), batch.numbers, made, strict=True):
            if key in self.judged:
                continue
            known, embeddings = self._embed(key, place, samples)
            pair = (place, self.other[place])
            asked, unrelated = pair[::-1] if batch.setting == MISMATCHED else pair
            takes.append(
                Take(
                    key=key,
                    samples=samples.numpy(),
                    sample_rate=self.model.sample_rate,
                    requested=self.plan.items.item(asked).reference,
                    unrelated=self.plan.items.item(unrelated).reference,
                    originals=(
                        self.plan.items.original(asked),
                        self.plan.items.original(unrelated),
                    ),
                    path=audio_path(self.folder, *key),
                    known=known,
                    embeddings=embeddings,
                )
            )
        self._judges.submit(takes)

    def on_predict_end(self) -> None:
        self._judges.finish()
        self.times["waiting"] = self._judges.waited
        self._records.close()
        self.trainer.strategy.barrier()

    def abandon(self) -> None:
        """End the judges at once, if they have begun."""
        if hasattr(self, "_judges"):
            self._judges.abandon()

    def _generate(self, batch: Batch) -> torch.Tensor:
        """(B, channels, N) of a setting."""
        items = [self.plan.items.item(number) for number in batch.numbers]
        others = [self.plan.items.item(self.other[number]) for number in batch.numbers]
        asked = [
            wishes(batch.setting, own.conditions, other.conditions, self.model.controls)
            for own, other in zip(items, others, strict=True)
        ]
        start = flowed = time.perf_counter()

        def note(step: int, total: int) -> None:
            nonlocal flowed
            if self.device.type == "cuda" and step == total:
                torch.cuda.synchronize(self.device)
            flowed = time.perf_counter()

        audio = self.model.generate(
            asked,
            seed=[noise_seed(batch.seed, item.id) for item in items],
            solver=self.plan.solver,
            guidance=self.plan.guidance,
            duration=self.plan.items.duration,
            callback=note,
        ).audio
        self.times["flow"] += flowed - start
        self.times["codec"] += time.perf_counter() - flowed
        return audio

    def _through_codec(self, batch: Batch) -> torch.Tensor:
        """(B, channels, N) of the items themselves."""
        codec = self.model.codec
        start = time.perf_counter()
        raw = torch.stack([self.plan.items.item(number).latents for number in batch.numbers])
        latents = (raw.to(self.device) - codec.mean) / codec.std
        audio = codec.decode(latents).float().cpu()
        self.times["codec"] += time.perf_counter() - start
        return audio

    def _embed(
        self, key: Key, place: int, samples: torch.Tensor
    ) -> tuple[tuple[dict[str, float], dict[str, float]], dict[str, Any]]:
        """Scores and fields of the record of a take that its embeddings give."""
        embedder = self.plan.embedder
        if embedder is None:
            return ({}, {}), {}
        start = time.perf_counter()
        embedded = embedder.embed(Audio(samples, self.model.sample_rate))
        texts = [self.plan.items.item(n).conditions.text for n in (place, self.other[place])]
        known = tuple(embedder.consistency(text, embedded) for text in texts)
        fields: dict[str, Any] = {"embedding": embedded}
        if key.setting == CEILING:
            fields["original"] = embedder.embed(self.plan.items.original(place).load())
        self.times["embedding"] += time.perf_counter() - start
        return (known[0], known[1]), fields

    def _keep(self, record: dict[str, Any]) -> None:
        self.times["judging"] += record["seconds"]
        self._records.append(record)


def audio_path(folder: Path, setting: str, seed: int, item: str) -> Path:
    """The file of a take."""
    name = setting if setting == CEILING else f"{setting}-{seed}"
    return folder / AUDIO / name / f"{item[:16]}.flac"
