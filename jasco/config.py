"""Configurations of the package: composed by Hydra, and built into objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, InstantiationException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.aliases import current_setting, resolve_aliases
from jasco.errors import JascoError, SettingError
from jasco.io.assets import package_dir


def conf_dir() -> Path:
    """Folder of the bundled configurations."""
    return package_dir("conf")


def compose_config(*overrides: str, config_name: str | None = None) -> dict[str, Any]:
    """Configuration composed by Hydra, as resolved plain data.

    Args:
        overrides: overrides as on the command line; ``"+model=400m"`` adds a model without a
            ``config_name``.
        config_name: name of the root configuration; ``None`` for none.

    Raises:
        SettingError: an unknown group, choice, key or value.
    """
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            words = current_words(config_name, overrides)
            config = compose(config_name=config_name, overrides=words)
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise SettingError(f"the configuration cannot be composed: {error}") from error
    return {str(key): value for key, value in plain.items()} if isinstance(plain, dict) else {}


def current_words(config_name: str | None, words: Sequence[str]) -> list[str]:
    """Overrides with ``experiment`` read as the group of a program's own, and former keys renamed.

    Args:
        config_name: root configuration of the program.
        words: overrides of Hydra, and its options, which stay as they are.
    """
    own = f"experiment/{config_name}"
    has_own = (conf_dir() / own).is_dir()

    def current(key: str) -> str:
        if (config_name, key) == ("evaluate", "adapter"):  # a group, but of trainings
            return "adapters"
        return own if key == "experiment" and has_own else current_setting(key)

    return [re.sub(r"^([+~]*)([^=]*)", lambda m: m[1] + current(m[2]), word) for word in words]


def build_node(node: Any, **more: Any) -> Any:
    """Object of a node of a bundled configuration, with its children.

    Args:
        node: node of a configuration, or plain data.
        more: further arguments.

    Raises:
        SettingError: an unknown class, or keys that it does not take.
        JascoError: an error of the class itself.
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


def plain(node: Any, *, resolve: bool = True) -> Any:
    """Node of a configuration as plain data; other values are returned unchanged."""
    return OmegaConf.to_container(node, resolve=resolve) if OmegaConf.is_config(node) else node


def flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every leaf."""
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from flat(child, f"{prefix}{key}.")
    else:
        yield prefix.removesuffix("."), node
