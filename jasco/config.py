"""Configurations of the package: composed by Hydra, and built into objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, InstantiationException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.aliases import resolve_aliases
from jasco.errors import JascoError, SettingError
from jasco.io.assets import package_dir


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


def plain(node: Any, *, resolve: bool = True) -> Any:
    """A node of a configuration as plain data; other values as they are."""
    return OmegaConf.to_container(node, resolve=resolve) if OmegaConf.is_config(node) else node


def flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every leaf."""
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from flat(child, f"{prefix}{key}.")
    else:
        yield prefix.removesuffix("."), node
