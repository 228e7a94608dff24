"""`JASCO` with the interface of ``audiocraft.models``."""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jasco.audio import Audio, to_audio
from jasco.chords import CHORD_NAMES, ChordProgression
from jasco.conditions import Conditions
from jasco.errors import ConditionError, SettingError, shortened
from jasco.flow import Dopri5, Euler, Guidance, Solver
from jasco.melody import Melody
from jasco.model import Jasco


class JASCO:
    """`Jasco` model with the methods of the original.

    Noise is drawn from torch's global generator in the original's shape and order: after the same
    ``torch.manual_seed`` a CPU gives the original's result. Changes to the conditions (a chord
    respelled, drums cut) are warnings.

    Attributes:
        name: Hub id or path of the checkpoint.
        model: wrapped model.
    """

    def __init__(self, model: Jasco, name: str) -> None:
        self.name = name
        self.model = model
        self._progress_callback: Callable[[int, int], None] | None = None
        self.set_generation_params()

    @staticmethod
    def get_pretrained(
        name: str = "facebook/jasco-chords-drums-400M",
        device: str | torch.device | None = None,
        chords_mapping_path: str | Path | None = None,
    ) -> JASCO:
        """Load a checkpoint: a Hub id, a published folder, or one of ours.

        The network computes in float32, because the adaptive solver, the default here, has a
        tolerance below the resolution of bfloat16.

        Args:
            name: Hub id or path.
            device: device to compute on, by default the fastest.
            chords_mapping_path: optional, because the chord names are built in; an existing file
                must agree with them.

        Raises:
            CheckpointError: the checkpoint cannot be found or read.
            SettingError: another chord mapping than that of the published models.
        """
        if chords_mapping_path is not None and Path(chords_mapping_path).is_file():
            _check_chord_mapping(Path(chords_mapping_path))
        model = Jasco.from_pretrained(name, device=device or "auto", dtype="float32")
        return JASCO(model, name)

    def set_generation_params(
        self,
        cfg_coef_all: float = 5.0,
        cfg_coef_txt: float = 0.0,
        euler: bool = False,
        euler_steps: int = 100,
        ode_rtol: float = 1e-5,
        ode_atol: float = 1e-5,
    ) -> None:
        """Set guidance and solver.

        Args:
            cfg_coef_all: weight of the velocity under all conditions.
            cfg_coef_txt: weight of the velocity under the text alone.
            euler: Euler's method instead of the adaptive dopri5.
            euler_steps: its number of steps.
            ode_rtol, ode_atol: relative and absolute tolerance of dopri5.

        Raises:
            SettingError: a value out of range.
        """
        self._guidance = Guidance(all=cfg_coef_all, text=cfg_coef_txt)
        self._solver: Solver = Euler(euler_steps) if euler else Dopri5(ode_rtol, ode_atol)

    def set_custom_progress_callback(
        self, progress_callback: Callable[[int, int], None] | None = None
    ) -> None:
        """Set a function ``progress_callback(step, total)`` in place of the progress bar."""
        self._progress_callback = progress_callback

    @property
    def sample_rate(self) -> int:
        """Audio samples per second (Hz)."""
        return self.model.sample_rate

    @property
    def frame_rate(self) -> float:
        """Latent frames per second (Hz)."""
        return self.model.frame_rate

    @property
    def audio_channels(self) -> int:
        """Channels of the audio."""
        return self.model.codec.channels

    @property
    def duration(self) -> float:
        """Length of the generated audio (s)."""
        return self.model.segment_duration

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return self.model.device

    def generate(
        self,
        descriptions: Sequence[str | None],
        progress: bool = False,
        return_latents: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Music from texts alone: `generate_music` without the other controls."""
        return self._generate(
            [Conditions(text=text) for text in _texts(descriptions)], progress, return_latents
        )

    def generate_music(
        self,
        descriptions: Sequence[str | None],
        chords: Sequence[tuple[str, float]] | None = (("C", 0.0),),
        drums_wav: Tensor | None = None,
        drums_sample_rate: int = 32000,
        melody_salience_matrix: Tensor | None = None,
        progress: bool = False,
        return_latents: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Music from texts, chords, drums and a melody.

        The original separated the drums from ``drums_wav``; here the track must contain only drums.

        Args:
            descriptions: one text per item.
            chords: ``(name, onset in s)`` for all items; ``None`` or an empty list for none.
            drums_wav: isolated drum track, (channels, samples) for all items or
                (B, channels, samples), one for all or one for each.
            drums_sample_rate: sample rate of the drums (Hz).
            melody_salience_matrix: (53, T) at the model's frame rate, for all items.
            progress: show a progress bar of the solver's steps.
            return_latents: return the latents too.

        Returns:
            Waveforms (B, channels, samples) on the CPU; with ``return_latents`` also the normalised
            latents (B, T, D).

        Raises:
            JascoError: a condition that cannot be read, or whose control the model lacks.
        """
        if isinstance(chords, Tensor):
            raise ConditionError(
                "the second argument is the chords: pass drums by name, drums_wav=..."
            )
        progression = ChordProgression.from_pairs(chords) if chords else None
        melody = None
        if melody_salience_matrix is not None:
            melody = Melody.from_array(melody_salience_matrix, self.frame_rate)
        descriptions = _texts(descriptions)
        drums = _drum_tracks(drums_wav, drums_sample_rate, len(descriptions))
        clips = [
            Conditions(text=text, chords=progression, drums=track, melody=melody)
            for text, track in zip(descriptions, drums, strict=True)
        ]
        return self._generate(clips, progress, return_latents)

    def _generate(
        self, clips: list[Conditions], progress: bool, return_latents: bool
    ) -> Tensor | tuple[Tensor, Tensor]:
        # One draw for the whole batch, in the shape and order of the original.
        noise = torch.randn(len(clips), self.model.num_frames(), self.model.codec.latent_dim)
        out = self.model.generate(
            clips,
            noise=noise,
            solver=self._solver,
            guidance=self._guidance,
            progress=progress and self._progress_callback is None,
            callback=self._progress_callback if progress else None,
        )
        for line in dict.fromkeys(line for lines in out.notes for line in lines):
            warnings.warn(line, stacklevel=3)
        return (out.audio, out.latents) if return_latents else out.audio


def _texts(descriptions: Any) -> list[str | None]:
    """Texts of the items; one string is one item."""
    if isinstance(descriptions, str):
        return [descriptions]
    if not isinstance(descriptions, Sequence):
        raise ConditionError(f"descriptions are {shortened(descriptions)}: give a list of texts")
    return list(descriptions)


def _drum_tracks(wav: Tensor | None, sample_rate: int, items: int) -> list[Audio | None]:
    if wav is None:
        return [None] * items
    tracks = list(wav) if wav.dim() == 3 else [wav]
    if len(tracks) not in (1, items):
        raise ConditionError(
            f"drums_wav holds {len(tracks)} tracks for {items} descriptions: give one, or one each"
        )
    audio = [to_audio(track, sample_rate) for track in tracks]
    return [audio[0]] * items if len(audio) == 1 else list(audio)


def _check_chord_mapping(path: Path) -> None:
    """Check that a mapping gives the indices of the published models.

    The file is a pickled dict of name and index. Its opcodes are parsed, never executed.
    """
    try:
        operations = [(op.name, arg) for op, arg, _ in pickletools.genops(path.read_bytes())]
    except ValueError as error:
        raise SettingError(f"{path} is not a chord mapping: {error}") from error
    # Memo numbers are ints too, so the opcodes decide.
    values = [arg for op, arg in operations if isinstance(arg, str) or op in _PICKLED_INTS]
    mapping = dict(zip(values[::2], values[1::2], strict=False))
    if not mapping or not mapping.items() <= {n: i for i, n in enumerate(CHORD_NAMES)}.items():
        raise SettingError(f"{path} is not the chord mapping of the published models: leave it out")


_PICKLED_INTS = {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1"}
