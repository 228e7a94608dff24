"""Nodes for ComfyUI: a model of Jasco, takes, and edits of takes.

Audio is that of ComfyUI, a dictionary of ``waveform`` (B, channels, samples) and ``sample_rate``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

_TEXT = ("STRING", {"multiline": True, "default": ""})
_LINE = ("STRING", {"default": ""})
_SEED = ("INT", {"default": 0, "min": 0, "max": 2**31 - 1, "control_after_generate": True})
_STEPS = ("INT", {"default": 0, "min": 0, "max": 1000, "tooltip": "0: those of the model"})
_BPM = ("FLOAT", {"default": 100.0, "min": 20.0, "max": 400.0, "step": 0.5})
_SETTINGS = {"text": _TEXT, "chords": _LINE, "bpm": _BPM, "seed": _SEED, "steps": _STEPS}


class JascoModel:
    """Loader of a model."""

    CATEGORY, FUNCTION = "audio/jasco", "load"
    RETURN_TYPES = ("JASCO_MODEL",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """Inputs of the node."""
        return {"required": {"name": ("STRING", {"default": "demo"})}}

    def load(self, name: str) -> tuple[Any]:
        """Model of that name, Hub id or folder."""
        from jasco import Jasco

        return (Jasco.from_pretrained(name),)


class JascoGenerate:
    """Take of a text, chords, drums and a melody."""

    CATEGORY, FUNCTION = "audio/jasco", "generate"
    RETURN_TYPES = ("AUDIO",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """Inputs of the node."""
        duration = ("FLOAT", {"default": 10.0, "min": 0.5, "max": 600.0, "step": 0.5})
        guidance = ("STRING", {"default": "", "tooltip": "such as all=2.5,text=3"})
        return {
            "required": {"model": ("JASCO_MODEL",), **_SETTINGS, "duration": duration},
            "optional": {"guidance": guidance, "drums": ("AUDIO",), "melody": ("AUDIO",)},
        }

    def generate(
        self,
        model: Any,
        text: str,
        chords: str,
        bpm: float,
        seed: int,
        steps: int,
        duration: float,
        guidance: str = "",
        drums: dict[str, Any] | None = None,
        melody: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any]]:
        """Audio of one take; the melody is extracted from its recording."""
        from jasco import extract_melody

        clip = _conditions(
            text,
            chords,
            bpm,
            drums=None if drums is None else _audio(drums),
            melody=None if melody is None else extract_melody(_audio(melody)),
        )
        out = model.generate(
            clip,
            seed=seed,
            steps=steps or None,
            duration=duration,
            guidance=guidance or None,
            callback=_progress(),
        )
        return (_shown(out),)


class JascoEdit:
    """Seconds of a recording that are generated anew; all others stay as they are."""

    CATEGORY, FUNCTION = "audio/jasco", "edit"
    RETURN_TYPES = ("AUDIO",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """Inputs of the node."""
        second = {"default": 0.0, "min": 0.0, "max": 3600.0, "step": 0.1}
        places = {"start": ("FLOAT", second), "end": ("FLOAT", second | {"default": 2.0})}
        inputs = {"model": ("JASCO_MODEL",), "audio": ("AUDIO",), **places, **_SETTINGS}
        return {"required": inputs}

    def edit(
        self,
        model: Any,
        audio: dict[str, Any],
        start: float,
        end: float,
        text: str,
        chords: str,
        bpm: float,
        seed: int,
        steps: int,
    ) -> tuple[dict[str, Any]]:
        """Audio with a new range."""
        out = model.edit(
            _audio(audio),
            _conditions(text, chords, bpm),
            ranges=[(start, end)],
            seed=seed,
            steps=steps or None,
            callback=_progress(),
        )
        return (_shown(out),)


def _conditions(text: str, chords: str, bpm: float, **controls: Any) -> Any:
    from jasco import Conditions

    harmony: dict[str, Any] = {"chords": chords, "bpm": bpm} if chords.strip() else {}
    return Conditions(text or None, **harmony, **controls)


def _audio(value: dict[str, Any]) -> Any:
    """First item of audio of ComfyUI."""
    from jasco.audio import Audio

    return Audio(value["waveform"][0].float().cpu(), int(value["sample_rate"]))


def _shown(out: Any) -> dict[str, Any]:
    """Audio of ComfyUI, at the loudness of files but for edits, which keep the level."""
    import torch

    from jasco.audio import Audio, normalize_loudness

    samples = [
        one if out.loudness is None else normalize_loudness(Audio(one, out.sample_rate), -14.0)[0]
        for one in out.audio
    ]
    return {"waveform": torch.stack(samples), "sample_rate": out.sample_rate}


def _progress() -> Callable[[int, int], None] | None:
    """Callback for the bar of ComfyUI, which ends the work where the user interrupts it."""
    if find_spec("comfy") is None:
        return None
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    bar = ProgressBar(1)

    def step(done: int, total: int) -> None:
        throw_exception_if_processing_interrupted()
        bar.update_absolute(done, total)

    return step


NODE_CLASS_MAPPINGS = {
    "JascoModel": JascoModel,
    "JascoGenerate": JascoGenerate,
    "JascoEdit": JascoEdit,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "JascoModel": "Jasco: model",
    "JascoGenerate": "Jasco: generate",
    "JascoEdit": "Jasco: edit seconds",
}
