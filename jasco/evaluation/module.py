"""Generation of the takes of an evaluation, sharded over devices by Lightning."""

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
from jasco.evaluation.settings import CEILING, MISMATCHED, select_conditions

AUDIO = "audio"


class EvaluationModule(LightningModule):
    """Generation and scoring of batches; each rank has a share of them and a file of records.

    Args:
        plan: plan of the evaluation.
        batches: batches to generate.
        scored: takes of these batches that have records already.
        folder: folder of the run.
        workers: scoring processes of each rank.
        dtype: precision of the generation, see `Jasco.dtype`.
        threads: number of PyTorch threads.
    """

    def __init__(
        self,
        plan: Plan,
        batches: list[Batch],
        scored: Collection[Key],
        folder: Path,
        workers: int,
        dtype: torch.dtype,
        threads: int,
    ) -> None:
        super().__init__()
        self.model = plan.model
        self.plan, self.batches, self.folder, self.workers = plan, batches, folder, workers
        self.scored = scored
        self.compute_dtype, self.threads = dtype, threads
        self.other = plan.other()
        self.times = dict.fromkeys(("flow", "codec", "embedding", "scoring", "waiting"), 0.0)

    def predict_dataloader(self) -> DataLoader[int]:
        """Loader of the indices of the batches of this rank."""
        share = range(self.trainer.global_rank, len(self.batches), self.trainer.world_size)
        return DataLoader(list(share), batch_size=None)  # type: ignore[arg-type]

    def on_predict_start(self) -> None:
        self.model.dtype = self.compute_dtype
        # Lightning sets the threads of the other ranks, so the first rank decides.
        torch.set_num_threads(self.trainer.strategy.broadcast(self.threads))
        if self.plan.embedder is not None:
            self.plan.embedder.to(self.device)
        self._records = RecordFile(self.folder, self.trainer.global_rank)
        self._scoring = ScoringPool(self.plan.extractor, self.workers, self._keep)

    def predict_step(self, index: Any, batch_idx: int) -> None:
        """Generate the takes of a batch, and submit them for scoring."""
        batch = self.batches[int(index)]
        made = self._through_codec(batch) if batch.setting == CEILING else self._generate(batch)
        takes = []
        for key, index, samples in zip(self.plan.keys(batch), batch.indices, made, strict=True):
            if key in self.scored:
                continue
            known, embeddings = self._embed(key, index, samples)
            pair = (index, self.other[index])
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
        self._scoring.submit(takes)

    def on_predict_end(self) -> None:
        self._scoring.finish()
        self.times["waiting"] = self._scoring.waited
        self._records.close()
        self.trainer.strategy.barrier()

    def abandon(self) -> None:
        """Stop the scoring processes at once, if there are any."""
        if hasattr(self, "_scoring"):
            self._scoring.abandon()

    def _generate(self, batch: Batch) -> torch.Tensor:
        items = [self.plan.items.item(index) for index in batch.indices]
        others = [self.plan.items.item(self.other[index]) for index in batch.indices]
        asked = [
            select_conditions(batch.setting, own.conditions, other.conditions, self.model.controls)
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
        """Reconstructions (B, channels, N) of the items by the codec."""
        codec = self.model.codec
        start = time.perf_counter()
        raw = torch.stack([self.plan.items.item(index).latents for index in batch.indices])
        latents = (raw.to(self.device) - codec.mean) / codec.std
        audio = codec.decode(latents).float().cpu()
        self.times["codec"] += time.perf_counter() - start
        return audio

    def _embed(
        self, key: Key, index: int, samples: torch.Tensor
    ) -> tuple[tuple[dict[str, float], dict[str, float]], dict[str, Any]]:
        """Scores against the requested and the unrelated text, and fields of the record."""
        embedder = self.plan.embedder
        if embedder is None:
            return ({}, {}), {}
        start = time.perf_counter()
        embedded = embedder.embed(Audio(samples, self.model.sample_rate))
        texts = [self.plan.items.item(n).conditions.text for n in (index, self.other[index])]
        known = tuple(embedder.consistency(text, embedded) for text in texts)
        fields: dict[str, Any] = {"embedding": embedded}
        if key.setting == CEILING:
            fields["original"] = embedder.embed(self.plan.items.original(index).load())
        self.times["embedding"] += time.perf_counter() - start
        return (known[0], known[1]), fields

    def _keep(self, record: dict[str, Any]) -> None:
        self.times["scoring"] += record["seconds"]
        self._records.append(record)


def audio_path(folder: Path, setting: str, seed: int, item: str) -> Path:
    """Path of the audio of a take."""
    name = setting if setting == CEILING else f"{setting}-{seed}"
    return folder / AUDIO / name / f"{item[:16]}.flac"
