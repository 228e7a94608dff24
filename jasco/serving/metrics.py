"""Counters of a server for Prometheus."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        self.responses = Counter("jasco_responses", "HTTP responses", ["status"], **own)
        self.jobs = Counter("jasco_jobs", "Jobs that ended", ["status"], **own)
        self.audio = Counter("jasco_audio_seconds", "Length of the generated audio (s)", **own)
        self.restarts = Counter("jasco_worker_restarts", "Workers that died", **own)
        self.queue = Gauge("jasco_queue", "Jobs that wait for a worker", **own)
        self.batch = Histogram("jasco_batch", "Jobs in a batch", buckets=(1, 2, 4, 8, 16), **own)
        self.seconds = Histogram(
            "jasco_job_seconds", "Time of a job in the server (s)", buckets=_SECONDS, **own
        )

    def text(self) -> bytes:
        """All counters in the text format of Prometheus."""
        return generate_latest(self.registry)
