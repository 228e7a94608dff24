"""Where the configurations are: the same folder for a wheel, an editable install and any cwd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.assets import package_dir
from jasco.errors import JascoError, SettingError


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


def plain_settings(config: DictConfig) -> dict[str, Any]:
    """What ``@hydra.main`` composed, resolved to plain values; those not given are ``"???"``.

    Raises:
        SettingError: a value refers to one that does not exist.
    """
    try:
        settings: Any = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise SettingError(f"the configuration cannot be resolved: {error}") from error
    return {str(key): value for key, value in settings.items()}


def build_node(node: dict[str, Any]) -> Any:
    """What a node of our own configurations describes, with its children.

    Raises:
        SettingError: its class cannot be found, or does not take its keys.
        JascoError: whatever the class raises on purpose.
    """
    try:
        return hydra.utils.instantiate(node, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, JascoError):
            raise error.__cause__ from None
        raise SettingError(f"{node.get('_target_')}: {error.__cause__ or error}") from error
