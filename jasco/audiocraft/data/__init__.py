"""Package of `jasco.audiocraft.data.audio`, the path of the original."""
