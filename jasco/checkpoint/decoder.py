"""Decoder of a trained run, given to a model."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from jasco.encodec import FourierDecoder


def set_decoder(model: Any, name_or_path: str | Path, revision: str | None = None) -> None:
    """Let a `Jasco` decode by a `FourierDecoder`, which `save_pretrained` then includes.

    The model loses the decoder of its EnCodec.

    Args:
        model: model, changed in place.
        name_or_path: folder or Hub id of the decoder, trained for the codec of the model.
        revision: branch, tag or commit on the Hub.

    Raises:
        CheckpointError: the decoder cannot be found, reached or read.
        SettingError: a decoder for another codec.
    """
    name = str(name_or_path)
    decoder = FourierDecoder(name, revision)
    decoder.config.require_fit(model.codec.model.config)
    model.codec.model.decoder = None
    model.codec.decoder = decoder.requires_grad_(False).eval().to(model.device)
    if model.config:
        model.config = copy.deepcopy(model.config)
        model.config["model"]["codec"]["decoder"] = {
            "_target_": "jasco.encodec.FourierDecoder",
            "pretrained": name,
            "revision": revision,
        }
