"""Extractors of the controls of a model from recordings."""
