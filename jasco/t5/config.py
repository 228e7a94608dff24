"""Configuration of a T5 encoder, with the fields and defaults of transformers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

ACTIVATIONS = ("relu", "gelu", "gelu_new", "silu")
_SIZES = (
    *("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads"),
    *("relative_attention_num_buckets", "relative_attention_max_distance"),
)


@dataclass
class T5Config:
    """Sizes of a T5; the fields of a decoder and of token ids are kept for transformers.

    Raises:
        ValueError: a value of another type or out of range.
    """

    model_type: ClassVar[str] = "t5"

    vocab_size: int = 32_128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None
    num_heads: int = 8
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    initializer_factor: float = 1.0
    feed_forward_proj: str = "relu"
    is_encoder_decoder: bool = False
    use_cache: bool = False
    pad_token_id: Any = 0
    eos_token_id: Any = 1
    classifier_dropout: float = 0.0
    is_decoder: bool = False
    tie_word_embeddings: bool = True

    def __post_init__(self) -> None:
        self.is_encoder_decoder = self.use_cache = False
        for name in _SIZES:
            value = getattr(self, name)
            least = -(10**6) if name.startswith("relative") else 1  # which `make_config` checks
            if type(value) is not int or value < least:
                raise ValueError(f"{name} is {value!r:.60}: give a whole number, at least 1")
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if field.type == "float" and not (number and value >= 0):
                raise ValueError(f"{field.name} is {value!r:.60}: give a number of at least 0")
        if self.dropout_rate >= 1:
            raise ValueError(f"dropout_rate is {self.dropout_rate!r:.60}: give less than 1")
        if not isinstance(self.feed_forward_proj, str) or self.activation not in ACTIVATIONS:
            raise ValueError(
                f"feed_forward_proj is {self.feed_forward_proj!r:.60}: give "
                f"{', '.join(ACTIVATIONS)}, or one of them after 'gated-'"
            )

    @property
    def gated(self) -> bool:
        """Feed-forward layers with a gate, those of T5 1.1."""
        return self.feed_forward_proj.startswith("gated-")

    @property
    def activation(self) -> str:
        """Activation of the feed-forward layers, one of `ACTIVATIONS`."""
        if self.feed_forward_proj == "gated-gelu":
            return "gelu_new"  # of the published gated models
        return self.feed_forward_proj.removeprefix("gated-")
