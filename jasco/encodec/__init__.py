"""EnCodec (arXiv 2210.13438): SEANet encoder and decoder, and residual vector quantiser."""

from jasco.encodec.config import EncodecConfig
from jasco.encodec.model import EncodecModel

__all__ = ["EncodecConfig", "EncodecModel"]
