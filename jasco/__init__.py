"""Jasco: temporally controlled text-to-music generation.

Public names. Each is imported from its module on first use, so that ``import jasco`` is fast and a
command line answers ``--help`` without loading torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jasco.audio import Audio, load_audio, save_audio
    from jasco.charts import Chart, load_chart, save_chart
    from jasco.chords import ChordProgression
    from jasco.conditions import Conditions
    from jasco.diffusion import JascoPipeline
    from jasco.extract.chords import extract_chords
    from jasco.extract.drums import separate_drums
    from jasco.extract.melody import extract_melody
    from jasco.flow import AB2, ABM2, RK4, Dopri5, Euler, Guidance, Heun, Midpoint
    from jasco.melody import Melody
    from jasco.model import Jasco

__all__ = [
    "AB2",
    "ABM2",
    "RK4",
    "Audio",
    "Chart",
    "ChordProgression",
    "Conditions",
    "Dopri5",
    "Euler",
    "Guidance",
    "Heun",
    "Jasco",
    "JascoPipeline",
    "Melody",
    "Midpoint",
    "extract_chords",
    "extract_melody",
    "load_audio",
    "load_chart",
    "save_audio",
    "save_chart",
    "separate_drums",
]

_MODULES = {
    "jasco.audio": ("Audio", "load_audio", "save_audio"),
    "jasco.charts": ("Chart", "load_chart", "save_chart"),
    "jasco.chords": ("ChordProgression",),
    "jasco.conditions": ("Conditions",),
    "jasco.diffusion": ("JascoPipeline",),
    "jasco.flow": ("AB2", "ABM2", "RK4", "Dopri5", "Euler", "Guidance", "Heun", "Midpoint"),
    "jasco.melody": ("Melody",),
    "jasco.model": ("Jasco",),
    "jasco.extract.chords": ("extract_chords",),
    "jasco.extract.drums": ("separate_drums",),
    "jasco.extract.melody": ("extract_melody",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("jasco")
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'jasco' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
