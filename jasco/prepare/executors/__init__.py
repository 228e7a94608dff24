"""Executors: processes and threads of this machine, or actors of a Ray cluster.

A recording goes through two passes as a `Job`, a few plain values; the audio and tensors that one
pass leaves for the next lie in a file. Executors do not depend on what the passes compute.
"""

from __future__ import annotations

from jasco.prepare.executors.cluster import RayExecutor
from jasco.prepare.executors.job import Executor, Job, Pass
from jasco.prepare.executors.local import LocalExecutor

__all__ = ["Executor", "Job", "LocalExecutor", "Pass", "RayExecutor"]
