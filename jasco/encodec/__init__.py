"""EnCodec (arXiv 2210.13438): SEANet encoder and decoder, quantiser, and a Fourier decoder."""

from jasco.encodec.config import EncodecConfig
from jasco.encodec.fourier import FourierDecoder, FourierDecoderConfig
from jasco.encodec.model import EncodecModel

__all__ = ["EncodecConfig", "EncodecModel", "FourierDecoder", "FourierDecoderConfig"]
