"""Who works on the recordings: this machine's processes, or the actors of a Ray cluster.

A recording passes two steps as a `Job`, which is plain data and weighs little; what one step leaves
for the next lies in a file. Executors know nothing of what the steps do.
"""

from __future__ import annotations

from jasco.prepare.executors.cluster import RayExecutor
from jasco.prepare.executors.job import Executor, Job, Step
from jasco.prepare.executors.local import LocalExecutor

__all__ = ["Executor", "Job", "LocalExecutor", "RayExecutor", "Step"]
