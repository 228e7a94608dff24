"""A real server in a process of its own, on a free port of loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx


class Running:
    """Server that runs."""

    def __init__(self, process: subprocess.Popen[str], url: str, temporary: Path) -> None:
        self.process, self.url, self.temporary = process, url, temporary
        self.client = httpx.Client(base_url=url, timeout=120)

    def generate(self, **values: object) -> httpx.Response:
        return self.client.post("/v1/generate", json=values)

    def job(self, id: str) -> dict:
        return self.client.get(f"/v1/jobs/{id}").json()

    def wait(self, id: str, *statuses: str, step: int = 0, seconds: float = 120) -> dict:
        """State of a job once it has one of these, and has done so many steps."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = self.job(id)
            if state.get("status") in statuses and state["step"] >= step:
                return state
            time.sleep(0.02)
        raise AssertionError(f"still {state}")

    def children(self) -> list[int]:
        """The reader and then the workers, in the order of their start."""
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            for pid in map(int, (task / "children").read_text().split()):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"spawn_main" in command:
                    started = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[19])
                    found.append((started, pid))
        return [pid for _, pid in sorted(found)]

    def files(self) -> list[Path]:
        """Files that the server holds now, of which folders may go meanwhile."""
        found = os.walk(self.temporary)  # `rglob` fails where a folder goes
        return [Path(folder, name) for folder, _, names in found for name in names]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def running(
    folder: Path, *options: str, variables: dict[str, str] | None = None
) -> Iterator[Running]:
    """Server with these options, whose temporary files are in a new folder."""
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    command: Sequence[str] = [sys.executable, "-m", "jasco.cli.serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        env=os.environ | {"TMPDIR": str(temporary)} | (variables or {}),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        with (server := Running(process, found[0], temporary)).client:
            yield server
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
