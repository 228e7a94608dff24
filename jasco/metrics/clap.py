"""CLAP: recordings and texts as points of one space, in which those that belong together are near.

Y. Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and
keyword-to-caption augmentation", ICASSP 2023, by the `ClapModel` of transformers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.errors import CheckpointError, SettingError
from jasco.hub import HubOptions, locate
from jasco.precision import resolve_device

DEFAULT = "laion/larger_clap_music"
"""Trained on music; the one that JASCO and MusicGen are evaluated with."""

_FILES = ("*.json", "*.txt")


class Clap:
    """A CLAP model with what prepares its inputs.

    Args:
        model: a `ClapModel`.
        tokenizer: of its texts.
        extractor: of its spectrograms.
        device: where to compute.
    """

    def __init__(
        self, model: Any, tokenizer: Any, extractor: Any, device: str | torch.device = "cpu"
    ) -> None:
        self.device = resolve_device(device)
        self.model = model.to(self.device).eval()
        self.tokenizer = tokenizer
        self.extractor = extractor

    @classmethod
    def load(
        cls,
        name: str | os.PathLike[str] = DEFAULT,
        *,
        device: str | torch.device = "auto",
        hub: HubOptions | None = None,
    ) -> Clap:
        """From a folder or the Hub.

        Weights are safetensors, or where there are none a ``.bin``, of which tensors alone are
        read.

        Raises:
            CheckpointError: it cannot be found, reached or read.
        """
        from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

        hub = hub or HubOptions()
        folder = locate(os.fspath(name), (*_FILES, "*.safetensors"), hub).folder
        if not any(folder.glob("*.safetensors")):
            folder = locate(os.fspath(name), (*_FILES, "*.bin"), hub).folder
        try:
            loaded: Any = ClapModel.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            extractor = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # each part has its own ways to refuse a file
            reason = str(error).partition(". ")[0] or type(error).__name__
            raise CheckpointError(f"{name} holds no CLAP that can be read: {reason}") from error
        model, found = loaded
        parameters = {key for key, _ in model.named_parameters()}
        if missing := sorted(parameters.intersection(found["missing_keys"])):
            raise CheckpointError(
                f"{name} holds no CLAP: it lacks {len(missing)} tensors, such as {missing[0]}"
            )
        return cls(model, tokenizer, extractor, device)

    def to(self, device: str | torch.device) -> Clap:
        """Move it to another device."""
        self.device = resolve_device(device)
        self.model.to(self.device)
        return self

    @torch.inference_mode()
    def embed_audio(self, recordings: Iterable[Audio]) -> np.ndarray:
        """Embeddings of recordings.

        What is longer than the model's 10 s is heard in equal pieces of at most that, and their
        mean taken, where the original cuts out a piece at random.

        Args:
            recordings: any rate, any number of channels.

        Returns:
            (N, D) float64 of unit length.
        """
        return self._stack([self._audio(audio) for audio in recordings])

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, each cut to what the model reads: (N, D) float64 of unit length."""
        config = self.model.config.text_config
        # RoBERTa counts positions from behind the padding's on.
        longest = config.max_position_embeddings - config.pad_token_id - 1
        vectors = []
        for text in texts:
            tokens = self.tokenizer(
                text, truncation=True, max_length=longest, return_tensors="pt"
            ).to(self.device)
            vectors.append(self.model.get_text_features(**tokens).pooler_output[0])
        return self._stack(vectors)

    def _audio(self, audio: Audio) -> Tensor:
        mono = audio.mono().resample(self.extractor.sampling_rate).samples[0]
        pieces = mono.tensor_split(-(-len(mono) // self.extractor.nb_max_samples))
        fusion = self.model.config.audio_config.enable_fusion
        inputs = self.extractor(
            [piece.numpy() for piece in pieces],
            sampling_rate=self.extractor.sampling_rate,
            truncation="fusion" if fusion else "rand_trunc",
            return_tensors="pt",
        )
        # No piece is longer than the model hears; the extractor would mark one at random.
        inputs["is_longer"] = torch.zeros(len(pieces), 1, dtype=torch.bool)
        found = self.model.get_audio_features(**inputs.to(self.device)).pooler_output
        return torch.nn.functional.normalize(found.mean(dim=0), dim=0)

    def _stack(self, vectors: list[Tensor]) -> np.ndarray:
        if not vectors:
            return np.empty((0, self.model.config.projection_dim))
        return torch.stack(vectors).double().cpu().numpy()


def compute(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Text consistency of one item: how near a recording is to what it was to be.

    Args:
        reference: (D,) embedding of the text.
        estimate: (D,) of the recording.

    Returns:
        ``text_consistency``: their cosine similarity, from -1 to 1.

    Raises:
        SettingError: shapes that are not equal (D,), or a vector of length 0.
    """
    ref, est = np.asarray(reference, dtype=float), np.asarray(estimate, dtype=float)
    if ref.ndim != 1 or ref.shape != est.shape:
        raise SettingError(f"embeddings of shapes {ref.shape} and {est.shape}: give equal (D,)")
    length = np.linalg.norm(ref) * np.linalg.norm(est)
    if not length > 0:
        raise SettingError("an embedding of length 0 has no direction to compare")
    return {"text_consistency": float(ref @ est / length)}
