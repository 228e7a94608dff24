"""Evaluation: how far a model follows its controls, between a ceiling and a floor."""
