"""Stands where scripts import ``audiocraft.data.audio`` from."""
