"""Songs of any length: overlapping windows whose velocities are blended."""

from jasco.song.integration import WINDOW_BATCH, integrate
from jasco.song.velocity import SongVelocity
from jasco.song.windows import Windows, windows_of

__all__ = ["WINDOW_BATCH", "SongVelocity", "Windows", "integrate", "windows_of"]
