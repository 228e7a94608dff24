"""Metrics, one concept per module: each compares a reference with an estimate, both plain data.

Metrics of one item have a function ``compute(reference, estimate)``, which returns a dict of
numbers, ``nan`` where the metric is not defined for the item; `jasco.metrics.scores.Scores`
accumulates them over items and returns means with confidence intervals.
"""
