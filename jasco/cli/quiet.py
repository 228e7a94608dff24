"""Filters of messages by libraries that do not concern users of the command lines."""

from __future__ import annotations

import logging
import os
import warnings


def quiet_transformers() -> None:
    """Silence the progress bars and the remarks of transformers about loaded weights."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def quiet_lightning(*messages: str) -> None:
    """Silence the remarks of Lightning, and warnings that do not fit the programs.

    Args:
        messages: regular expressions of further warnings to silence.
    """
    quiet_transformers()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        # The number of workers is chosen by the user or from the cores of the machine.
        ".*does not have many workers.*",
        "This DataLoader will create .* worker processes",
        ".*isinstance.treespec, LeafSpec.*",
        *messages,
    ):
        warnings.filterwarnings("ignore", message)


def quiet_resource_tracker() -> None:
    """Silence Python's resource tracker after an interrupt.

    The tracker is a process of its own, which reads its filters from the environment.
    """
    variable, ours = "PYTHONWARNINGS", "ignore:resource_tracker"
    filters = [text for text in os.environ.get(variable, "").split(",") if text]
    if ours not in filters:
        os.environ[variable] = ",".join([*filters, ours])
