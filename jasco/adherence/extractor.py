"""Both sides of an adherence score: requested controls, and controls of a recording."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

import torch

from jasco.adherence.controls import Controls, comparison
from jasco.audio import Audio
from jasco.conditions import Conditions
from jasco.controls import CONTROLS
from jasco.errors import MissingPartError, SettingError
from jasco.extract.drums import DrumSeparator
from jasco.extract.salience import DeepSalience


class ControlExtractor:
    """Extractor of controls from recordings, with the models that it uses.

    Args:
        salience: salience network of the melody; ``None`` for the strongest pitch classes of a
            chromagram, which accompaniment distorts.
        separator: drum separator for the onsets of the drum stem; ``None`` for none.
        chords: extractors of chords by name; by default those that are installed.

    Raises:
        SettingError: an unknown extractor of chords.
    """

    def __init__(
        self,
        salience: DeepSalience | None,
        separator: DrumSeparator | None = None,
        chords: Sequence[str] | None = None,
    ) -> None:
        self.salience = salience
        self.separator = separator
        known = CONTROLS["chords"].extractors
        if chords is not None and (not chords or set(chords) - known.keys()):
            raise SettingError(f"chords by {list(chords)}: give some of {', '.join(known)}")
        self.chords = None if chords is None else tuple(chords)

    @classmethod
    def load(
        cls,
        weights: str | os.PathLike[str] | None = None,
        *,
        separator: DrumSeparator | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        chords: Sequence[str] | None = None,
    ) -> ControlExtractor:
        """Extractor with the salience network, or without it where its weights are unavailable.

        Args:
            weights: weight file; ``None`` for the published weights.
            separator: drum separator; ``None`` for none.
            device: device of the salience network.
            dtype: data type of its convolutions.
            chords: extractors of chords by name; by default those that are installed.

        Raises:
            CheckpointError, SettingError: see `DeepSalience.load`.
            MissingPartError: the file ``weights`` cannot be read without h5py.
        """
        try:
            salience = DeepSalience.load(weights, device=device, dtype=dtype)
            return cls(salience, separator, chords)
        except MissingPartError:
            if weights is not None:
                raise
            return cls(None, separator, chords)

    def extract(self, audio: Audio, controls: Collection[str] | None = None) -> Controls:
        """Extract controls from a recording.

        Args:
            audio: audio of any rate and number of channels.
            controls: names of `jasco.controls.CONTROLS`; ``None`` for all.

        Raises:
            MissingPartError: a part that a control needs is not installed, such as Chordino.
            SettingError: a name outside `CONTROLS`.
        """
        names = CONTROLS if controls is None else controls
        if unknown := set(names).difference(CONTROLS):
            raise SettingError(f"cannot extract {sorted(unknown)}: give some of {list(CONTROLS)}")
        return {name: comparison(name).extract(audio, self) for name in CONTROLS if name in names}


def requested(conditions: Conditions, duration: float) -> Controls:
    """Requested controls of a clip, in the form of extracted ones.

    Args:
        conditions: conditions of the clip.
        duration: length of the clip (s).

    Raises:
        ConditionError: a value that cannot be compared, such as drums as codes.
    """
    return {
        name: comparison(name).requested(value, duration)
        for name in CONTROLS
        if (value := getattr(conditions, name)) is not None
    }
