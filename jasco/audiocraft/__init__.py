"""The calling shape of the original JASCO over ours.

A script written for ``audiocraft`` runs after its imports are changed to ``jasco.audiocraft``. New
code is better served by `jasco.Jasco`: seeds, conditions per item, reports and recipes.
"""

from jasco.audiocraft.data.audio import audio_write
from jasco.audiocraft.models import JASCO

__all__ = ["JASCO", "audio_write"]
