"""Training of a text encoder from descriptions."""
