"""Options of the model and of the Hub, and loading with them."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jasco.io.hub import HubOptions
    from jasco.model import Jasco
    from jasco.pipeline.adapters import RequestAdapters
    from jasco.pipeline.request import Request
    from jasco.pipeline.source import ModelSource

DEFAULT_MODEL = "demo"

# The list is repeated here because --help must not wait for torch.
DTYPES = ("auto", "float32", "bfloat16")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``--device``, ``--dtype`` and the options of the Hub."""
    line = f"Hub id, folder or Lightning checkpoint; default: {DEFAULT_MODEL}"
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME", help=line)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    line = "precision of matrix products; auto: bfloat16 where the hardware has it"
    parser.add_argument("--dtype", default="auto", choices=DTYPES, help=line)
    add_hub_options(parser)


def add_hub_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `load_model`: ``--revision``, ``--cache-dir``, ``--local-files-only``."""
    group = parser.add_argument_group("Hugging Face Hub")
    group.add_argument("--revision", default=None, help="branch, tag or commit of the model")
    group.add_argument(
        "--cache-dir", metavar="DIR", default=None, help="cache in place of the user's own"
    )
    group.add_argument(
        "--local-files-only",
        action="store_true",
        default=False,
        help="use the cache only, never the network",
    )


def model_source(args: argparse.Namespace, **changed: Any) -> ModelSource:
    """Source of the model of the options of `add_model_options`, for another thread or process.

    Args:
        args: namespace with the options.
        changed: attributes of the `ModelSource` in place of theirs.
    """
    from jasco.pipeline.source import ModelSource

    options = {field.name: getattr(args, field.name, None) for field in fields(ModelSource)}
    return ModelSource(**{**options, "name": args.model, **changed})


def load_model(
    name: str,
    args: argparse.Namespace,
    *,
    device: str,
    dtype: str,
    revision: str | None = None,
) -> Jasco:
    """Load a model with the options of `add_hub_options`.

    Args:
        name: Hub id, folder or Lightning checkpoint.
        args: namespace with the options; its ``revision`` overrides the argument.
        device, dtype, revision: see `Jasco.from_pretrained`.

    Raises:
        CheckpointError: the model cannot be found, reached or read.
        SettingError: an unknown device or precision.
    """
    from jasco.pipeline.source import ModelSource

    # Read when transformers is imported, for the tokenizer of a published model.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    commit = args.revision or revision
    return ModelSource(name, device, dtype, commit, args.cache_dir, args.local_files_only).load()


def adapter_hub(args: argparse.Namespace) -> HubOptions:
    """Access to the Hub for adapters, which name their own revisions.

    Args:
        args: namespace with the options of `add_hub_options`.
    """
    from jasco.io.hub import HubOptions

    return HubOptions(None, args.cache_dir, args.local_files_only)


def load_adapters(
    requests: Sequence[Request], model: Jasco, args: argparse.Namespace
) -> RequestAdapters | None:
    """Load the adapters of requests; ``None`` where they have none.

    Raises:
        CheckpointError, SettingError: an adapter that is missing, has changed or does not fit.
    """
    if not any(request.adapters for request in requests):
        return None
    from jasco.pipeline.adapters import RequestAdapters

    return RequestAdapters(requests, model, adapter_hub(args), trusted=args.yes)
