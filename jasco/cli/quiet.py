"""What libraries say, less what means nothing to whoever calls a command line."""

from __future__ import annotations

import logging
import os
import warnings


def quiet_transformers() -> None:
    """No bars for what is loaded in a second, and no remarks about the parts of a model."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def quiet_lightning(*messages: str) -> None:
    """No remarks of Lightning but warnings, and of those none that does not fit the program.

    Args:
        messages: regular expressions of further warnings to leave out.
    """
    quiet_transformers()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        # Data is read by one process for each processor, or by as many as the user has asked for:
        # both warnings are about a number that was chosen.
        ".*does not have many workers.*",
        "This DataLoader will create .* worker processes",
        ".*isinstance.treespec, LeafSpec.*",
        *messages,
    ):
        warnings.filterwarnings("ignore", message)


def quiet_resource_tracker() -> None:
    """No word of the process by which Python tidies up what an interrupt has left.

    It starts with the first pool, and takes its filters from the environment.
    """
    variable, ours = "PYTHONWARNINGS", "ignore:resource_tracker"
    filters = [text for text in os.environ.get(variable, "").split(",") if text]
    if ours not in filters:
        os.environ[variable] = ",".join([*filters, ours])
