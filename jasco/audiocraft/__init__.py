"""Interface of the original JASCO.

A script written for ``audiocraft`` runs after its imports are changed to ``jasco.audiocraft``. New
code should use `jasco.Jasco`, which has seeds, conditions per item, notices and recipes.
"""

from jasco.audiocraft.data.audio import audio_write
from jasco.audiocraft.models import JASCO

__all__ = ["JASCO", "audio_write"]
