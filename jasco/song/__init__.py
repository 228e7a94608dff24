"""Songs of any length, and edits of takes.

A song longer than the training clips is generated in overlapping windows whose velocities are
blended. Edits, continuations and variations keep frames of a recording on their path.
"""

from jasco.song.editing import Edit
from jasco.song.integration import WINDOW_BATCH, integrate
from jasco.song.methods import SongMethods
from jasco.song.take import Take
from jasco.song.velocity import SongVelocity
from jasco.song.windows import Windows, windows_of

__all__ = [
    "WINDOW_BATCH",
    "Edit",
    "SongMethods",
    "SongVelocity",
    "Take",
    "Windows",
    "integrate",
    "windows_of",
]
