"""Options that say where a model comes from, and loading it: shared by the command lines."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from jasco.cli.quiet import quiet_transformers

if TYPE_CHECKING:
    from jasco.model import Jasco


def add_hub_options(parser: argparse.ArgumentParser) -> None:
    """Add what `load_model` reads: ``--revision``, ``--cache-dir`` and ``--local-files-only``."""
    group = parser.add_argument_group("Hugging Face Hub")
    group.add_argument("--revision", default=None, help="branch, tag or commit of the model")
    group.add_argument(
        "--cache-dir", metavar="DIR", default=None, help="cache in place of the user's own"
    )
    group.add_argument(
        "--local-files-only",
        action="store_true",
        default=False,
        help="take only what the cache holds, never the network",
    )


def load_model(
    name: str,
    args: argparse.Namespace,
    *,
    device: str,
    dtype: str,
    revision: str | None = None,
) -> Jasco:
    """Load a model with the options of `add_hub_options`, which go before ``revision``.

    Raises:
        CheckpointError: it cannot be found, reached or read.
        SettingError: no such device or precision.
    """
    from jasco.model import Jasco

    quiet_transformers()
    return Jasco.from_pretrained(
        name,
        device=device,
        dtype=dtype,
        revision=args.revision or revision,
        cache_dir=args.cache_dir,
        local_files_only=args.local_files_only,
    )
