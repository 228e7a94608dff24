"""Folder of a training run: settings and environment, checked when the run is resumed."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from jasco.aliases import current_setting, resolve_aliases
from jasco.config import flat
from jasco.errors import SettingError
from jasco.io.atomic import write_text
from jasco.io.plain import read_object, read_yaml

CONFIG = "config.yaml"
ENVIRONMENT = "environment.json"
FREE = (
    *("trainer.", "logger", "callbacks", "hydra.", "run", "data.workers", "data.root"),
    "module.checkpointing",
)
"""Settings that may change between the start of a run and its continuation."""
_REPEATED = (
    *("module.optim", "module.seed", "module.objective", "module.model", "module._target_"),
    "objective._target_",
)
"""Settings that repeat others; earlier versions kept some of them, or had no such node."""
_SIZES = re.compile(r"(model\.conditioners|module|add)\.\w+\.(dim|latent_dim)")
"""Sizes of conditioners, which those of the network stand for."""
PACKAGES = ("jasco", "torch", "lightning", "transformers", "safetensors", "numpy")


def begin_run(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> list[str]:
    """Store the settings and environment of a run, or compare them when it is resumed.

    Args:
        folder: folder of the run, made where missing.
        settings: configuration of the run, plain data.
        resume: the run has a checkpoint to resume from.

    Returns:
        Notices: reasons why results may differ from those of an uninterrupted run.

    Raises:
        SettingError: the run was begun with other settings, which the message names, or its
            settings are missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notes = []
    here, path = environment(), folder / CONFIG
    if resume:
        if not path.is_file():
            raise SettingError(
                f"{folder} has a checkpoint but no {CONFIG}, which states the settings it was "
                "begun with: put it back to resume the run, or begin another with run=FOLDER"
            )
        before = _comparable(read_yaml(path, SettingError, finite=False) or {})
        now = _comparable(settings)
        changed = [
            f"{key} {before.get(key)!r} -> {now.get(key)!r}"
            for key in sorted(before.keys() | now.keys())
            # Earlier versions had an objective for every module.
            if before.get(key) != now.get(key)
            and ("objective" in settings or not key.startswith("objective."))
        ]
        if changed:
            raise SettingError(
                f"{folder} was begun with other settings ({'; '.join(changed[:5])}): give them "
                "again to resume it, or begin another run with run=FOLDER"
            )
        notes = _changes(folder / ENVIRONMENT, here)
    else:
        write_text(path, yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True))
    write_text(folder / ENVIRONMENT, json.dumps(here, indent=1) + "\n")
    return notes


def _comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that must stay the same when a run is resumed, by their dotted keys of today."""
    current = ((current_setting(key), value) for key, value in flat(resolve_aliases(settings)))
    return {
        key: value
        for key, value in current
        if not key.startswith((*FREE, *_REPEATED)) and not _SIZES.fullmatch(key) and value != {}
    }


def _changes(path: Path, here: dict[str, Any]) -> list[str]:
    """Changes of the environment that affect rounding."""
    try:
        before = read_object(path, SettingError)
    except SettingError:
        return []  # missing, or from an older version
    old, new = (
        {key: node[key] for key in ("threads", "devices") if key in node}
        | (node.get("packages") or {})
        for node in (before, here)
    )
    changed = [f"{k} {old[k]} -> {new.get(k)}" for k in old if old[k] != new.get(k)]
    if not changed:
        return []
    return [f"since this run was begun, {'; '.join(changed)}: losses may differ in the last digits"]


def environment() -> dict[str, Any]:
    """Command, commit, versions, machine and threads."""
    import torch  # late: the OpenMP wait policy is set before torch is first imported

    return {
        "command": sys.argv,
        "commit": _git("rev-parse", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "packages": installed(PACKAGES),
        "python": platform.python_version(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _git(*words: str) -> str | None:
    """Output of a git command in the checkout of this code; ``None`` outside one."""
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those of some packages that are installed."""
    found = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
