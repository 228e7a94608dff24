"""Stages of the preparation, one per module, so that a worker loads only those it runs."""
