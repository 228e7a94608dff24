"""Embeddings of recordings, for distances between distributions and agreement with texts."""
