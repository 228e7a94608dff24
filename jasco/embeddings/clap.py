"""CLAP: joint embeddings of audio and text, by contrastive language-audio pretraining.

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
from jasco.device import resolve_device
from jasco.errors import CheckpointError, SettingError
from jasco.io.hub import HubOptions, locate

DEFAULT = "laion/larger_clap_music"
"""Checkpoint trained on music, with which JASCO and MusicGen are evaluated."""

_FILES = ("*.json", "*.txt")


class Clap:
    """CLAP model with tokenizer and feature extractor.

    Args:
        model: `ClapModel` of transformers.
        tokenizer: tokenizer of the texts.
        extractor: feature extractor of the spectrograms.
        device: device of the model.
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
        """Load a model from a folder or the Hub.

        Weights are read from safetensors, else from a ``.bin`` file, of which only tensors are
        loaded.

        Raises:
            CheckpointError: the model cannot be found, reached or read.
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
        except Exception as error:  # each part raises errors of its own
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
        """Move the model to another device."""
        self.device = resolve_device(device)
        self.model.to(self.device)
        return self

    @torch.inference_mode()
    def embed_audio(self, recordings: Iterable[Audio]) -> np.ndarray:
        """Embeddings of recordings.

        Recordings longer than the 10 s of the model are split into equal pieces, whose embeddings
        are averaged; the original crops one piece at random.

        Args:
            recordings: any rate, any number of channels.

        Returns:
            (N, D) float64 of unit length.
        """
        return self._stack([self._audio(audio) for audio in recordings])

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings (N, D) of texts, each truncated to the model, float64 of unit length."""
        config = self.model.config.text_config
        # Position ids of RoBERTa start after the id of the padding.
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
        # The extractor marks a random piece as longer than the window, although none is.
        inputs["is_longer"] = torch.zeros(len(pieces), 1, dtype=torch.bool)
        found = self.model.get_audio_features(**inputs.to(self.device)).pooler_output
        return torch.nn.functional.normalize(found.mean(dim=0), dim=0)

    def _stack(self, vectors: list[Tensor]) -> np.ndarray:
        if not vectors:
            return np.empty((0, self.model.config.projection_dim))
        return torch.stack(vectors).cpu().double().numpy()


def compute(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Text consistency (CLAP score) of one item.

    Args:
        reference: (D,) embedding of the text.
        estimate: (D,) embedding of the recording.

    Returns:
        ``text_consistency``: cosine similarity, from -1 to 1.

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
