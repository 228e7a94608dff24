"""Encoder of T5 (arXiv 1910.10683) and its tokenizers, in the files of transformers.

transformers takes a second and a half to import, which is longer than a short clip takes.
"""

from jasco.t5.config import T5Config
from jasco.t5.model import T5Encoder
from jasco.t5.tokenizer import ByteTokenizer, Tokenizer, load_tokenizer

__all__ = ["ByteTokenizer", "T5Config", "T5Encoder", "Tokenizer", "load_tokenizer"]
