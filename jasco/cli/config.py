"""Where the configurations are: the same folder for a wheel, an editable install and any cwd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.assets import package_dir
from jasco.errors import SettingError


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
