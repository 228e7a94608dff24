"""From recordings to controls: what the model is conditioned on, taken from audio."""
