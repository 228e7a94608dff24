"""What libraries say, less what means nothing to whoever calls a command line."""

from __future__ import annotations

import logging
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
        ".*does not have many workers.*",
        ".*isinstance.treespec, LeafSpec.*",
        *messages,
    ):
        warnings.filterwarnings("ignore", message)
