"""The folder of a training run: what it was begun with, on what, and whether it is the same run."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import yaml

from jasco.atomic import write_text
from jasco.errors import SettingError
from jasco.plain import read_yaml

CONFIG = "config.yaml"
ENVIRONMENT = "environment.json"
# What may change between a run and its continuation.
FREE = ("trainer.", "logger.", "callbacks.", "hydra.", "run", "data.workers", "data.root")
PACKAGES = ("jasco", "torch", "lightning", "transformers", "safetensors", "numpy")


def begin_run(folder: Path, settings: Mapping[str, Any], *, goes_on: bool) -> None:
    """Keep the settings and the environment of a run, or see that a run goes on as it was begun.

    Args:
        folder: of the run; made where missing.
        settings: its configuration, plain data.
        goes_on: it has come to a checkpoint already.

    Raises:
        SettingError: the run was begun with other settings; they are named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG
    if goes_on and path.is_file():
        before = dict(flat(read_yaml(path, SettingError, finite=False) or {}))
        now = dict(flat(settings))
        changed = [
            f"{key} {before.get(key)!r} -> {now.get(key)!r}"
            for key in sorted(before.keys() | now.keys())
            if before.get(key) != now.get(key) and not key.startswith(FREE)
        ]
        if changed:
            raise SettingError(
                f"{folder} was begun with other settings ({'; '.join(changed[:5])}): give them "
                "again to go on, or begin another run with run=FOLDER"
            )
    else:
        write_text(path, yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True))
    write_text(folder / ENVIRONMENT, json.dumps(environment(), indent=1) + "\n")


def environment() -> dict[str, Any]:
    """Command, commit, versions and machine."""
    return {
        "command": sys.argv,
        "commit": _git("rev-parse", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "system": platform.platform(),
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _git(*words: str) -> str | None:
    """What git says of the checkout that this code lies in; ``None`` outside one."""
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every leaf."""
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from flat(child, f"{prefix}{key}.")
    else:
        yield prefix.removesuffix("."), node
