"""Writing of adapters as folders in peft's format, with a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from jasco.adapters.adapter import AdapterConfig
from jasco.adapters.reading import CONFIG, FORMAT, PREFIX, WEIGHTS, read_adapter
from jasco.checkpoint import CARD, push
from jasco.device import STORED
from jasco.errors import CheckpointError, SettingError
from jasco.io.atomic import replacing_folder


def save_adapter(
    folder: str | Path,
    config: AdapterConfig,
    tensors: Mapping[str, Tensor],
    *,
    dtype: str = "float16",
    card: str | None = None,
) -> Path:
    """Write an adapter atomically.

    Args:
        folder: path of the folder, made where missing; an adapter in it is replaced.
        config: settings.
        tensors: name in the model -> tensor.
        dtype: format of the stored tensors.
        card: model card, by default made from the settings.

    Raises:
        CheckpointError: the folder holds other files, or cannot be written.
        SettingError: tensors that the format cannot hold.
    """
    target = Path(folder).expanduser()
    if target.exists() and not (target / CONFIG).is_file():
        if not target.is_dir() or any(target.iterdir()):
            raise CheckpointError(f"{target} exists and holds no adapter: choose another folder")
    if dtype not in STORED:
        raise SettingError(f"adapters are stored as {', '.join(STORED)}, not as {dtype!r}")
    stored = {
        PREFIX + name: tensor.detach().to("cpu", STORED[dtype]).contiguous()
        for name, tensor in tensors.items()
    }
    for name, tensor in stored.items():
        if not bool(tensor.isfinite().all()):
            raise SettingError(f"{name} goes beyond the range of {dtype}: store it as bfloat16")
    text = json.dumps(_plain(config), indent=2) + "\n"
    try:
        with replacing_folder(target) as new:
            save_file(stored, new / WEIGHTS, metadata={"format": "pt", "jasco": version("jasco")})
            (new / CONFIG).write_text(text, encoding="utf-8")
            (new / CARD).write_text(card or _card(config), encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{target} could not be written: {error}") from error
    return target


def push_adapter(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    token: str | None = None,
    commit_message: str = "Upload an adapter of a Jasco model",
) -> str:
    """Upload an adapter to the Hub; returns the URL of the commit.

    Args:
        folder: folder of the adapter, or of the run that trained it.
        repo_id: repository, made where missing.
        private, token, commit_message: as in `jasco.Jasco.push_to_hub`.

    Raises:
        CheckpointError: there is no adapter, or the Hub refused it or was not reached.
    """
    adapter = read_adapter(folder)
    source = Path(adapter.source)
    return push(source, repo_id, private=private, token=token, message=commit_message)


def _plain(config: AdapterConfig) -> dict[str, Any]:
    """Settings by the names of peft, and under ``jasco`` those that it does not have."""
    return {
        "peft_type": "LORA",
        "base_model_name_or_path": config.base["id"],
        "revision": config.base["revision"],
        "r": config.rank,
        "lora_alpha": config.alpha,
        "use_rslora": config.rslora,
        "use_dora": config.dora,
        "target_modules": list(config.targets),
        "bias": "none",
        "inference_mode": True,
        "jasco": {
            "format": FORMAT,
            "base": dict(config.base),
            "controls": list(config.controls),
            "new": {name: dict(node) for name, node in config.new.items()},
        },
    }


def _card(config: AdapterConfig) -> str:
    from huggingface_hub import ModelCardData

    base = config.base["id"]
    on_hub = base if base and "/" in base and not Path(base).is_absolute() else None
    published = str(base).startswith("facebook/jasco")
    data = ModelCardData(
        license="cc-by-nc-4.0" if published else "other",
        library_name="jasco",
        pipeline_tag="text-to-audio",
        tags=["music-generation", "jasco", "lora"],
        base_model=on_hub,
    )
    kind = "DoRA" if config.dora else "rsLoRA" if config.rslora else "LoRA"
    added = f" It adds the controls {', '.join(config.new)}." if config.new else ""
    name = f"`{base}`" if on_hub else Path(base).name if base else "a model of its own"
    return (
        f"---\n{data.to_yaml()}\n---\n\n# Adapter of a Jasco model\n\n{kind} of rank "
        f"{config.rank} for {name} (weights {config.base['hash']}), with the controls "
        f"{', '.join(config.controls)}.{added}\n\n"
        "```python\nfrom jasco import Jasco\n\n"
        f'model = Jasco.from_pretrained("{on_hub or "BASE"}")\n'
        'model.load_adapter("THIS_REPOSITORY", scale=0.8)\n'
        'out = model.generate("warm 80s synth-pop", seed=7)\n```\n'
    )
