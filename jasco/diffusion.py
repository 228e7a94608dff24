"""`JascoPipeline`: generation with the call of the pipelines of diffusers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jasco.conditions import Conditions
from jasco.errors import SettingError, shortened
from jasco.generation import Generation
from jasco.model import Jasco

OutputType = Literal["np", "pt", "latent", "generation"]
_OUTPUTS = ("np", "pt", "latent", "generation")


@dataclass(frozen=True, eq=False)
class AudioOutput:
    """Result of a call.

    Attributes:
        audios: (B, channels, samples); latents (B, T, D) for ``output_type="latent"``, and a
            `jasco.generation.Generation` for ``"generation"``.
        sample_rate: sample rate (Hz).
    """

    audios: NDArray[np.float32] | Tensor | Generation
    sample_rate: int


class JascoPipeline:
    """Model with the call of the audio pipelines of diffusers.

    Args:
        model: model.
    """

    def __init__(self, model: Jasco) -> None:
        self.model = model

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | PathLike[str],
        *,
        torch_dtype: torch.dtype | str = "auto",
        **settings: Any,
    ) -> Self:
        """Load a pipeline; see `Jasco.from_pretrained` for the name and the settings."""
        return cls(Jasco.from_pretrained(str(name_or_path), dtype=torch_dtype, **settings))

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return self.model.device

    def to(self, device: str | torch.device) -> Self:
        """Move the model to a device."""
        self.model.to(device)
        return self

    def __call__(
        self,
        prompt: str | Conditions | Sequence[str | Conditions],
        *,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        audio_length_in_s: float | None = None,
        num_waveforms_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        output_type: OutputType = "np",
        return_dict: bool = True,
        callback: Callable[[int, int], None] | None = None,
        **controls: Any,
    ) -> AudioOutput | tuple[Any]:
        """Generate audio for each prompt.

        Args:
            prompt: text of a clip, its `Conditions`, or several of them.
            num_inference_steps: steps of the solver; the model's own by default.
            guidance_scale: weight of the guidance ``all``; the model's own guidance by default.
            audio_length_in_s: length (s); that of the model by default.
            num_waveforms_per_prompt: variants of each prompt.
            generator: source of the seeds, one for all prompts or one each, which goes on with each
                call; fresh seeds by default.
            output_type: ``"np"``, ``"pt"``, ``"latent"`` or ``"generation"``, see `AudioOutput`.
            return_dict: return an `AudioOutput`; else a tuple of its audios.
            callback: called as ``callback(step, total)``; an exception in it stops the run.
            controls: ``chords``, ``drums``, ``melody``, ``bpm`` and the others of `Conditions`, for
                all prompts that are texts.

        Raises:
            JascoError: conditions or settings that do not fit the model.
        """
        if output_type not in _OUTPUTS:
            raise SettingError(
                f"output_type is {shortened(output_type)}: give {', '.join(_OUTPUTS)}"
            )
        prompts = [prompt] if isinstance(prompt, str | Conditions) else list(prompt)
        clips = [Conditions(one, **controls) if isinstance(one, str) else one for one in prompts]
        out = self.model.generate(
            clips,
            seed=_seeds(generator, len(clips)),
            steps=num_inference_steps,
            guidance=guidance_scale,
            duration=audio_length_in_s,
            num_samples=num_waveforms_per_prompt,
            callback=callback,
        )
        found: dict[str, Any] = {"pt": out.audio, "latent": out.latents, "generation": out}
        audios = found[output_type] if output_type != "np" else out.audio.numpy()
        return AudioOutput(audios, out.sample_rate) if return_dict else (audios,)


def _seeds(
    generator: torch.Generator | Sequence[torch.Generator] | None, clips: int
) -> list[int] | None:
    """Seed of each clip, drawn from the generators."""
    if generator is None:
        return None
    single = isinstance(generator, torch.Generator)
    each = [generator] * clips if isinstance(generator, torch.Generator) else list(generator)
    if not single and len(each) != clips:
        raise SettingError(f"{len(each)} generators for {clips} prompts: give one, or one each")
    return [
        int(torch.randint(2**31, (), generator=one, device=one.device, dtype=torch.int64))
        for one in each
    ]
