"""Writing of checkpoint folders, atomically and with a model card, and their upload."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from jasco.checkpoint.layout import CARD, CONFIG, PARTS, WEIGHTS, node_of
from jasco.errors import CheckpointError
from jasco.flow import GuidanceRanges
from jasco.io.atomic import replacing_folder


def save(
    folder: str | Path,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    parts: Mapping[str, Callable[[Path], None]],
    card: str | None = None,
) -> Path:
    """Write a checkpoint folder atomically.

    Args:
        folder: path of the folder, made where missing; a checkpoint in it is replaced.
        config: configuration of the model.
        tensors: all tensors of the model; those of the parts are skipped.
        parts: folder name -> function that writes the part into a folder.
        card: model card, by default made from the configuration; it may replace a lone card.

    Raises:
        CheckpointError: the folder holds other files, or cannot be written.
    """
    target = Path(folder).expanduser()
    if target.exists() and not (target / CONFIG).is_file():
        lone: set[str] = set() if card is None else {CARD}
        if not target.is_dir() or {path.name for path in target.iterdir()} - lone:
            raise CheckpointError(f"{target} exists and holds no checkpoint: choose another folder")
    config = copy.deepcopy(dict(config))
    for part in PARTS:
        node = node_of(config, part) or {}
        if part.folder in parts and node.get("pretrained") and not node.get("revision"):
            node["pretrained"] = part.folder  # a path of this machine is meaningless on others
    prefixes = tuple(part.prefix for part in PARTS)
    own = {
        k: v.detach().cpu().contiguous() for k, v in tensors.items() if not k.startswith(prefixes)
    }
    try:
        with replacing_folder(target) as new:
            save_file(own, new / WEIGHTS, metadata={"format": "pt", "jasco": version("jasco")})
            for name, write in parts.items():
                write(new / name)
            text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
            (new / CONFIG).write_text(text, encoding="utf-8")
            (new / CARD).write_text(card or _card(config), encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{target} could not be written: {error}") from error
    return target


def _card(config: Mapping[str, Any]) -> str:
    from huggingface_hub import ModelCardData

    source = config.get("source") or {}
    published = str(source.get("id", "")).startswith("facebook/jasco")
    data = ModelCardData(
        license="cc-by-nc-4.0" if published else config.get("license", "other"),
        library_name="jasco",
        pipeline_tag="text-to-audio",
        tags=["music-generation", "flow-matching", "jasco"],
        base_model=source.get("id"),
    )
    controls = ", ".join(config["model"].get("conditioners", {}))
    origin = f"Converted from `{source['id']}`." if source.get("id") else "Trained with Jasco."
    ranges = config["model"].get("network", {}).get("distilled_guidance")
    if ranges:
        origin += (
            " Its guidance is distilled (arXiv 2210.03142): one evaluation a step, for "
            f"{GuidanceRanges(ranges)}."
        )
    return (
        f"---\n{data.to_yaml()}\n---\n\n# Jasco: music from {controls}\n\n{origin}\n\n"
        "```python\nfrom jasco import Conditions, Jasco\n\n"
        'model = Jasco.from_pretrained("THIS_REPOSITORY")\n'
        'out = model.generate([Conditions(text="warm 80s synth-pop")], seed=7)\n```\n'
    )


def push(folder: Path, repo_id: str, *, private: bool, token: str | None, message: str) -> str:
    """Upload a checkpoint folder to the Hub; returns the URL of the commit.

    Raises:
        CheckpointError: the Hub refused it or was not reached.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message))
    except Exception as error:
        raise CheckpointError(f"{repo_id} could not be written on the Hub: {error}") from error
