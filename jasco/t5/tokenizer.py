"""Tokenizers of T5: bytes, which need no vocabulary, and those of transformers."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from jasco.errors import CheckpointError, JascoError
from jasco.io.plain import read_object

CONFIG = "tokenizer_config.json"
_VOCABULARIES = ("tokenizer.json", "spiece.model")
_BYTES = "ByT5Tokenizer"
_SPECIAL = {"<pad>": 0, "</s>": 1, "<unk>": 2}
_OFFSET = len(_SPECIAL)  # of the bytes
_EXTRA = {f"<extra_id_{i}>": 256 + _OFFSET + i for i in range(125)}
_MARKS = _SPECIAL | _EXTRA
# White space beside the special tokens belongs to them; it is tried from the start of its run only.
_SPLIT = re.compile(rf"(?:(?<!\s)\s+)?({'|'.join(_SPECIAL)})\s*|({'|'.join(_EXTRA)})")


class Tokenizer(ABC):
    """Tokens of texts."""

    @abstractmethod
    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids (B, L) of B texts, padded, and their mask (B, L), true at tokens."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of tokens of the vocabulary."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the files of the tokenizer, which transformers loads, to a folder."""


class ByteTokenizer(Tokenizer):
    """Tokens of ByT5 (arXiv 2105.13626): the bytes of UTF-8, three special tokens and sentinels."""

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        rows = [torch.tensor(self.ids(text)) for text in texts]
        ones = [torch.ones(len(row), dtype=torch.bool) for row in rows]
        return pad_sequence(rows, batch_first=True), pad_sequence(ones, batch_first=True)

    def __len__(self) -> int:
        return _OFFSET + 256 + len(_EXTRA)

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, with the end token."""
        found: list[int] = []
        for part in filter(None, _SPLIT.split(text)):
            mark = _MARKS.get(part)
            found += (b + _OFFSET for b in part.encode()) if mark is None else [mark]
        end = _SPECIAL["</s>"]
        return found if found and found[-1] == end else [*found, end]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in ((CONFIG, _byte_config()), ("added_tokens.json", _EXTRA)):
            text = json.dumps(values, indent=2, sort_keys=True)
            (folder / name).write_text(text + "\n", encoding="utf-8")


class TransformersTokenizer(Tokenizer):
    """Tokenizer that transformers has loaded."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        tokens = self.own(list(texts), return_tensors="pt", padding=True)
        return tokens["input_ids"], tokens["attention_mask"].bool()

    def __len__(self) -> int:
        return len(self.own)

    def save(self, folder: Path) -> None:
        self.own.save_pretrained(folder)


def load_tokenizer(name: str, revision: str | None = None) -> Tokenizer:
    """Tokenizer of a folder or Hub id; no code of a repository is run.

    transformers 5 makes a tokenizer of three words for a T5 whose vocabulary is missing. It reads
    every text as unknown, so a folder without one is refused.

    Raises:
        CheckpointError: the tokenizer cannot be found or read.
    """
    if _is_of_bytes(Path(name, CONFIG)):
        return ByteTokenizer()
    from transformers import AutoTokenizer, ByT5Tokenizer

    options: dict[str, Any] = {"revision": revision or "main"}
    if Path(name).is_dir():
        options = {"local_files_only": True}
    try:
        own = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **options)
    except Exception as error:  # each kind of tokenizer has its own ways to refuse a file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"the tokenizer of {name} cannot be loaded: {reason:.300}") from error
    files = [Path(name, file) for file in _VOCABULARIES]
    needs_none = isinstance(own, ByT5Tokenizer)
    if Path(name).is_dir() and not needs_none and not any(file.is_file() for file in files):
        raise CheckpointError(
            f"{name} lacks its tokenizer: it needs {CONFIG} and, unless that names the tokenizer "
            f"of bytes, {' or '.join(_VOCABULARIES)}; copy the checkpoint again, whole"
        )
    return TransformersTokenizer(own)


def _is_of_bytes(path: Path) -> bool:
    """True for the configuration of a `ByteTokenizer` and no other tokens."""
    try:
        found = read_object(path, CheckpointError)
    except (JascoError, OSError):
        return False  # transformers says what is wrong with it
    own = _byte_config()
    found.setdefault("extra_special_tokens", found.get("additional_special_tokens"))
    return all(found.get(key) == own[key] for key in _DECISIVE)


_DECISIVE = (
    *("tokenizer_class", "added_tokens_decoder", "extra_special_tokens", "extra_ids"),
    *("eos_token", "pad_token", "unk_token"),
)


def _byte_config() -> dict[str, Any]:
    """Configuration of the byte tokenizer in transformers."""
    flags = dict.fromkeys(("lstrip", "rstrip", "normalized"), True)
    added = {
        str(number): {"content": token, "single_word": False, "special": special}
        | {flag: on and not special for flag, on in flags.items()}
        for special, tokens in ((False, _SPECIAL), (True, _EXTRA))
        for token, number in tokens.items()
    }
    return {
        "added_tokens_decoder": added,
        "backend": "custom",
        "eos_token": "</s>",
        "extra_ids": 0,
        "extra_special_tokens": list(_EXTRA),
        "model_max_length": int(1e30),
        "pad_token": "<pad>",
        "tokenizer_class": _BYTES,
        "unk_token": "<unk>",
    }
