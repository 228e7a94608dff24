"""Metrics, one concept a module: each compares a reference with an estimate, both plain data.

Metrics of one item have ``compute(reference, estimate)``, which gives a dict of numbers, ``nan``
where the metric is not defined for the item; `jasco.metrics.scores.Scores` gathers them over items
and gives means with intervals.
"""
