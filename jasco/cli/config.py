"""Where the configurations are: the same folder for a wheel, an editable install and any cwd."""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.aliases import resolve_aliases
from jasco.assets import package_dir
from jasco.cli.errors import INTERRUPTED, one_line_errors
from jasco.cli.quiet import quiet_resource_tracker
from jasco.errors import JascoError, SettingError
from jasco.plain import read_yaml


def conf_dir() -> Path:
    """The folder of the bundled configurations, for ``@hydra.main(config_path=...)``."""
    return package_dir("conf")


def compose_config(*overrides: str, config_name: str | None = None) -> dict[str, Any]:
    """A configuration composed by Hydra and resolved to plain values.

    Args:
        overrides: as on the command line; ``"+model=400m"`` picks a model where no
            ``config_name`` does.
        config_name: the root configuration, none by default.

    Raises:
        SettingError: a group, choice, key or value that does not exist.
    """
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            config = compose(config_name=config_name, overrides=list(overrides))
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise SettingError(f"the configuration cannot be composed: {error}") from error
    return {str(key): value for key, value in plain.items()} if isinstance(plain, dict) else {}


def experiments(key: str) -> list[str]:
    """Names of the bundled experiments that set a key.

    Args:
        key: ``name`` is set by those of a training, ``settings`` by those of an evaluation.
    """
    paths = sorted((conf_dir() / "experiment").glob("*.yaml"))
    return [path.stem for path in paths if key in read_yaml(path, SettingError)]


def check_experiment(program: str, key: str, words: Sequence[str]) -> None:
    """See that the experiment among the words of a command line is one of the program's.

    Args:
        program: its name.
        key: see `experiments`.
        words: of the command line.

    Raises:
        SettingError: it is an experiment of another program.
    """
    known = experiments(key)
    others = {path.stem for path in (conf_dir() / "experiment").glob("*.yaml")}.difference(known)
    for word in words:
        if word.startswith("experiment=") and word.partition("=")[2] in others:
            raise SettingError(f"{word} is not for {program}: give one of {', '.join(known)}")


def run_hydra(config_name: str, task: Callable[[DictConfig], None]) -> None:
    """Compose a configuration from the command line's words and run a task with it.

    Args:
        config_name: the root configuration.
        task: what to run, once or, with ``--multirun``, once for each choice.

    Raises:
        SettingError: a group, choice or key that does not exist.
        Exception: what the task raises.
    """
    failed: list[Exception] = []

    @functools.wraps(task)
    def guarded(config: DictConfig) -> None:
        try:
            task(config)
        except Exception as error:
            if isinstance(error, OmegaConfBaseException):
                error = SettingError(f"the configuration cannot be resolved: {error}")
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise error  # it may be in another process
            failed.append(error)  # Hydra would print lines of its own

    # Else Hydra prints its own errors and exits.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    run = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=config_name)
    try:
        run(guarded)()
    except (HydraException, OmegaConfBaseException) as error:
        raise SettingError(f"the configuration cannot be composed: {error}") from error
    if failed:
        raise failed[0]


def run_processes(program: str, config_name: str, task: Callable[[DictConfig], None]) -> int:
    """`run_hydra` to an exit code, for a task whose work is done by processes.

    Args:
        program: name that an error begins with.
        config_name: the root configuration.
        task: what to run.
    """

    @one_line_errors(program)
    def guarded() -> int:
        run_hydra(config_name, task)
        return 0

    quiet_resource_tracker()
    code = guarded()
    if code == INTERRUPTED:
        gc.collect()  # lets go of what the processes shared
        os._exit(code)  # not waiting for threads that are deep in a network
    return code


def build_node(node: Any, **more: Any) -> Any:
    """What a node of our own configurations describes, with its children.

    Args:
        node: of a configuration, or plain data.
        more: arguments beside those of the node.

    Raises:
        SettingError: its class cannot be found, or does not take its keys.
        JascoError: whatever the class raises on purpose.
    """
    if "_target_" not in node:
        raise SettingError(f"a node with {', '.join(node)} has no _target_: what is it for?")
    try:
        plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
        return hydra.utils.instantiate(resolve_aliases(plain), _convert_="all", **more)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, JascoError):
            raise cause from None
        raise SettingError(f"{node.get('_target_')} cannot be made: {cause or error}") from error
