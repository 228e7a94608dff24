"""Evaluation: adherence of a model to its controls, between a ceiling and a floor."""
