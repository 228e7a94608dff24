"""Jasco: temporally controlled text-to-music by flow matching over EnCodec latents."""
