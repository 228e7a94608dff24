"""Programs with a configuration composed by Hydra."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.cli.errors import INTERRUPTED, TERMINATED, one_line_errors
from jasco.cli.help import is_group
from jasco.cli.kinds import check_kind
from jasco.cli.quiet import quiet_resource_tracker
from jasco.cli.signals import raising_sigterm
from jasco.cli.words import explain, flat_keys, not_given, read_words
from jasco.config import conf_dir, current_words, flat, plain
from jasco.errors import Interrupted, SettingError


def run_hydra(program: str, config_name: str, task: Callable[[DictConfig], None]) -> None:
    """Compose a configuration from the command line's words and run a task with it.

    Args:
        program: name of the program, for messages.
        config_name: name of the root configuration.
        task: function to run once or, with ``--multirun``, once for each choice.

    Raises:
        SettingError: a word that cannot be read, or an unknown group, choice or key.
        Exception: an error of the task.
    """
    failed: list[Exception] = []

    @functools.wraps(task)
    def guarded(config: DictConfig) -> None:
        if failed:
            raise failed[0]
        try:
            task(config)
        except Exception as error:
            if isinstance(error, OmegaConfBaseException):
                error = explain(error, config_name, _keys(config))
            if isinstance(error, Interrupted):
                failed.append(error)  # ends a sweep too
            if is_sweep():
                raise error  # a job may run in another process
            failed.append(error)  # Hydra would print the error in its own form

    # Otherwise Hydra prints errors and exits.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    words = current_words(config_name, read_words(program, sys.argv[1:]))
    run = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=config_name)
    given = sys.argv
    sys.argv = [given[0], *words]  # read by Hydra, and by Lightning for further processes
    try:
        run(guarded)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error, config_name, _known_keys(config_name, words)) from error
    finally:
        sys.argv = given
    if failed:
        raise failed[0]


def _known_keys(config_name: str, words: Sequence[str]) -> list[str]:
    """Keys of the configuration without the words that cannot be used."""
    groups = [word for word in words if not word.startswith("-") and _names_a_group(word)]
    for chosen in (groups, [word for word in groups if word.startswith("experiment/")], []):
        try:
            with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
                return _keys(compose(config_name=config_name, overrides=chosen))
        except (HydraException, OmegaConfBaseException, ValueError):
            continue
    return []


def _names_a_group(word: str) -> bool:
    return is_group(word.partition("=")[0].partition("@")[0])


def _keys(config: DictConfig) -> list[str]:
    return flat_keys(OmegaConf.to_container(config, resolve=False))


def read_settings(config: DictConfig, kinds: Mapping[str, Any]) -> Any:
    """Plain data of a composed configuration, checked.

    Args:
        config: composed configuration.
        kinds: kinds of values by dotted keys; see `check_kind`. Keys that are absent are skipped.

    Raises:
        SettingError: a value that is not given, or is of another kind.
    """
    missing = [key for key, value in flat(plain(config, resolve=False)) if value == "???"]
    if missing:
        raise not_given(min(missing, key=lambda key: key.count(".")))
    settings: dict[str, Any] = plain(config)
    for key, kind in kinds.items():
        found: Any = settings
        for part in key.split("."):
            found = found.get(part, _ABSENT) if isinstance(found, Mapping) else _ABSENT
        if found is not _ABSENT:
            check_kind(key, found, kind)
    return settings


_ABSENT = object()


def is_sweep() -> bool:
    """True within a job of ``--multirun``."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def run_folder(config: DictConfig) -> Path:
    """Absolute folder of a run: ``run`` of the configuration, or the folder of a sweep's job.

    Raises:
        SettingError: no folder.
    """
    check_kind("run", config.run, str)
    if not config.run:
        raise SettingError("run= is empty: give run=FOLDER")
    place = HydraConfig.get().runtime.output_dir if is_sweep() else config.run
    return Path(str(place)).expanduser().absolute()


def run_processes(program: str, config_name: str, task: Callable[[DictConfig], None]) -> int:
    """Run `run_hydra` for a task with worker processes; return the exit code.

    Args:
        program: name of the program, for messages.
        config_name: name of the root configuration.
        task: function to run.
    """

    @one_line_errors(program)
    def guarded() -> int:
        # Lightning ignores SIGTERM in predictions.
        with raising_sigterm():
            run_hydra(program, config_name, task)
        return 0

    quiet_resource_tracker()
    code = guarded()
    if code in (INTERRUPTED, TERMINATED):
        gc.collect()  # releases resources of the processes
        sys.stderr.flush()
        os._exit(code)  # without waiting for threads in a network
    return code
