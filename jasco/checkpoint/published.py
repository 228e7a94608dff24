"""Adapter of published JASCO checkpoints (`state_dict.bin` with its `xp.cfg`).

Converts configurations and tensors to our names and shapes, refuses options that are not
implemented here, and runs no code of the file (``weights_only=True``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from jasco.chords import CHORD_NAMES
from jasco.controls import CONTROLS
from jasco.errors import CheckpointError
from jasco.io.plain import parse_yaml
from jasco.io.torch_files import read_torch, state_of
from jasco.melody import NUM_NOTES

WEIGHTS = "state_dict.bin"
CODEC_POINTER = "compression_state_dict.bin"

# Order of the columns of the published input projection, after those of the latents.
_FRAME_CONTROLS = {"chords": "chords_emb", "self_wav": "drum_latents", "melody": "melody"}
_OUR_NAMES = {"description": "text", "chords": "chords", "self_wav": "drums", "melody": "melody"}

# Options for which our network computes the same function; other keys are read below, or concern
# only speed, initialisation or training.
_REQUIRED_TRANSFORMER = {
    "activation": "gelu",
    "norm": "layer_norm",
    "norm_first": True,
    "positional_embedding": "sin",
    "causal": False,
    "bias_ff": False,
    "bias_attn": False,
    "bias_proj": False,
    "qk_layer_norm": False,
    "qk_layer_norm_cross": False,
    "xpos": False,
    "layer_scale": None,
    "past_context": None,
    "kv_repeat": 1,
}
_READ_TRANSFORMER = {
    "dim",
    "num_heads",
    "num_layers",
    "hidden_scale",
    "skip_connections",
    "flow_dim",
}
_READ_TRANSFORMER |= {"chords_dim", "drums_dim", "melody_dim", "positional_scale"}
_IGNORED_TRANSFORMER = {"n_q", "card", "dropout", "custom", "memory_efficient", "checkpointing"}
_IGNORED_TRANSFORMER |= {"attention_as_float32", "weight_init", "depthwise_init", "zero_bias_init"}
_IGNORED_TRANSFORMER |= {"cross_attention", "attention_dropout"}

_RENAMED = [
    (r"condition_provider\.conditioners\.description\.output_proj\.", "conditioners.text.project."),
    (r"condition_provider\.conditioners\.chords\.emb\.", "conditioners.chords.embedding."),
    (r"condition_provider\.conditioners\.self_wav\.output_proj\.", "conditioners.drums.embedding."),
    (r"condition_provider\.conditioners\.self_wav\.compression_model\.model\.", "codec.model."),
    (r"condition_provider\.conditioners\.melody\.output_proj\.", "conditioners.melody.embedding."),
    (r"out_norm\.", "network.norm."),
    (r"linear\.", "network.output."),
    (r"temb\.dense\.0\.", "network.time.mlp.0."),
    (r"temb\.dense\.1\.", "network.time.mlp.2."),
    (r"temb_proj\.", "network.time.mlp.3."),
    (r"transformer\.skip_projections\.(\d+)\.", r"network.transformer.skips.\1."),
    (r"transformer\.layers\.(\d+)\.self_attn\.in_proj_weight", r"\1.self_attention.qkv.weight"),
    (r"transformer\.layers\.(\d+)\.self_attn\.out_proj\.", r"\1.self_attention.out."),
    (r"transformer\.layers\.(\d+)\.cross_attention\.out_proj\.", r"\1.cross_attention.out."),
    (r"transformer\.layers\.(\d+)\.linear1\.", r"\1.feedforward.0."),
    (r"transformer\.layers\.(\d+)\.linear2\.", r"\1.feedforward.2."),
    (r"transformer\.layers\.(\d+)\.norm1\.", r"\1.norm_self."),
    (r"transformer\.layers\.(\d+)\.norm2\.", r"\1.norm_feedforward."),
    (r"transformer\.layers\.(\d+)\.norm_cross\.", r"\1.norm_cross."),
]
_CROSS = re.compile(r"transformer\.layers\.(\d+)\.cross_attention\.in_proj_weight")


def is_published(folder: Path) -> bool:
    """True for a folder with a checkpoint in the published format."""
    return (folder / WEIGHTS).is_file()


def read_published(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and tensors of a published checkpoint, in our names.

    Args:
        folder: folder with ``state_dict.bin`` and, usually, ``compression_state_dict.bin``.

    Returns:
        Configuration for `Jasco.from_config`, in which codec and text encoder are Hub ids, and
        tensors as they are stored (in float16), with the codec's where the file has them.

    Raises:
        CheckpointError: another file, or a model that is not implemented here.
    """
    package = read_torch(folder / WEIGHTS)
    if not isinstance(package, Mapping) or not {"best_state", "xp.cfg"} <= package.keys():
        raise CheckpointError(
            f"{folder / WEIGHTS} has no 'best_state' and 'xp.cfg': not a JASCO file"
        )
    xp = parse_yaml(
        str(package["xp.cfg"]), f"xp.cfg of {folder / WEIGHTS}", CheckpointError, finite=False
    )
    if not isinstance(xp, dict):
        raise CheckpointError(f"xp.cfg of {folder / WEIGHTS} holds no configuration of a JASCO")
    codec = str(xp.get("compression_model_checkpoint", "")).removeprefix("//pretrained/")
    if (folder / CODEC_POINTER).is_file():
        pointer = read_torch(folder / CODEC_POINTER)
        if not isinstance(pointer, Mapping):
            raise CheckpointError(f"{folder / CODEC_POINTER} names no codec")
        codec = str(pointer.get("pretrained", codec))
    state = state_of(package["best_state"], folder / WEIGHTS)
    try:
        config = published_config(xp, codec=codec)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(
            f"xp.cfg of {folder / WEIGHTS} has not what a JASCO needs: "
            f"{type(error).__name__} {error!s:.200}"
        ) from error
    return config, dict(_rename(state, config["model"]))


def published_config(xp: Mapping[str, Any], codec: str) -> dict[str, Any]:
    """Configuration for a published ``xp.cfg`` with the EnCodec of the Hub id ``codec``.

    Raises:
        CheckpointError: an option that is not implemented here; the message names it.
    """
    _refuse_unsupported(xp)
    lm, controls = xp["transformer_lm"], xp["conditioners"]
    conditioners: dict[str, Any] = {}
    for name, ours in _OUR_NAMES.items():
        if name not in controls:
            continue
        text = "jasco.conditioners.TextConditioner"
        node: dict[str, Any] = {
            "_target_": CONTROLS[ours].conditioner if ours in CONTROLS else text
        }
        if name == "description":
            node |= {"pretrained": controls[name]["t5"]["name"], "revision": None}
            node |= {"finetune": bool(controls[name]["t5"].get("finetune", False))}
        else:
            node |= {"width": controls[name][_FRAME_CONTROLS[name]]["out_dim"]}
        if name == "self_wav":
            drums = controls[name]["drum_latents"]
            node |= {"latent_dim": drums["compression_model_latent_dim"]}
            node |= {"blur": drums["blurring_factor"]}
        conditioners[ours] = node
    dropout = {"all": xp["classifier_free_guidance"]["training_dropout"]}
    for kind in (xp.get("attribute_dropout") or {}).values():
        dropout |= {_OUR_NAMES[name]: p for name, p in (kind or {}).items() if name in controls}
    sampling = xp.get("generate", {}).get("lm", {})
    guidance = {"all": sampling.get("cfg_coef_all", 5.0), "text": sampling.get("cfg_coef_txt", 0.0)}
    guidance = {term: float(weight) for term, weight in guidance.items()}
    # The original takes 50 steps of Euler's method. On the demo these have about its error:
    # stronger guidance bends the field more, and most near the noise.
    steps, shift = (9, 3.0) if sum(guidance.values()) <= 4 else (14, 4.0)
    return {
        "model": {
            "_target_": "jasco.model.Jasco",
            "segment_duration": float(xp["dataset"]["segment_duration"]),
            "codec": {
                "_target_": "jasco.codec.EnCodec",
                "pretrained": codec,
                "revision": None,
                "latent_mean": xp["compression_model_latent_mean"],
                "latent_std": xp["compression_model_latent_std"],
            },
            "conditioners": conditioners,
            "network": {
                "_target_": "jasco.network.VelocityNetwork",
                "dim": lm["dim"],
                "depth": lm["num_layers"],
                "heads": lm["num_heads"],
                "latent_dim": lm["flow_dim"],
                "mlp_ratio": lm.get("hidden_scale", 4),
                "skip_connections": bool(lm.get("skip_connections", False)),
                "positional_scale": float(lm.get("positional_scale", 1.0)),
            },
        },
        "solver": {"_target_": "jasco.flow.ABM2", "steps": steps, "shift": shift},
        "guidance": {"_target_": "jasco.flow.Guidance", **guidance},
        "dropout": dropout,
    }


def _refuse_unsupported(xp: Mapping[str, Any]) -> None:
    """Raise an error for the first option that our network does not implement."""
    for key in ("transformer_lm", "conditioners", "fuser", "dataset", "classifier_free_guidance"):
        if not isinstance(xp.get(key), Mapping):
            raise CheckpointError(
                f"xp.cfg has no section {key!r}: not the configuration of a JASCO"
            )
    for option, value, allowed in _options(xp):
        if value not in allowed:
            choice = " or ".join(map(repr, allowed))
            raise CheckpointError(
                f"xp.cfg asks for {option}={value!r}, which is not implemented here (only {choice})"
            )


def _options(xp: Mapping[str, Any]) -> Iterator[tuple[str, Any, list[Any]]]:
    """(name, value, allowed values) of every option that changes the model's output."""
    lm, fuser, controls = xp["transformer_lm"], xp["fuser"], xp["conditioners"]
    yield "lm_model", xp.get("lm_model"), ["flow_matching"]
    yield "channels", xp.get("channels", 1), [1]
    for key, value in _REQUIRED_TRANSFORMER.items():
        yield f"transformer_lm.{key}", lm.get(key, value), [value]
    for key in lm.keys() - _REQUIRED_TRANSFORMER.keys() - _READ_TRANSFORMER - _IGNORED_TRANSFORMER:
        # Options of later versions are accepted where they are off.
        yield f"transformer_lm.{key}", lm[key] or None, [None]
    yield "fuser.cross", list(fuser.get("cross") or []), [["description"]]
    for key in ("sum", "prepend", "input_interpolate"):
        yield f"fuser.{key}", list(fuser.get(key) or []), [[]]
    yield "fuser.cross_attention_pos_emb", fuser.get("cross_attention_pos_emb", False), [False]
    for name, control in controls.items():
        kinds = {"description": "t5", **_FRAME_CONTROLS}
        if name not in kinds:
            yield "conditioners", name, list(kinds)
        yield f"conditioners.{name}.model", control.get("model"), [kinds[name]]
    yield "conditioners", sorted({"description"} - controls.keys()), [[]]
    t5 = controls["description"]["t5"]
    yield "conditioners.description.t5.normalize_text", t5.get("normalize_text", False), [False]
    if "chords" in controls:
        card = controls["chords"]["chords_emb"]["card"]
        yield "conditioners.chords.chords_emb.card", card, [len(CHORD_NAMES)]
    if "melody" in controls:
        yield "conditioners.melody.melody.card", controls["melody"]["melody"]["card"], [NUM_NOTES]


def _rename(state: Mapping[str, Tensor], model: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Published tensors under our names, with packed projections split.

    The published network projects the concatenation of latents and controls; ours adds separate
    projections, which are the columns of that matrix.
    """
    for name, tensor in state.items():
        if name == "emb.weight":
            widths = [model["network"]["latent_dim"]]
            names = ["network.input.weight"]
            for control, node in model["conditioners"].items():
                if "width" in node:
                    widths.append(node["width"])
                    names.append(f"conditioners.{control}.project.weight")
            if tensor.dim() != 2 or tensor.shape[1] != sum(widths):
                raise CheckpointError(
                    f"tensor emb.weight has shape {tuple(tensor.shape)}, the configuration wants "
                    f"({model['network']['dim']}, {sum(widths)})"
                )
            yield from zip(names, tensor.split(widths, 1), strict=True)
        elif match := _CROSS.fullmatch(name):
            prefix = f"network.transformer.layers.{match[1]}.cross_attention"
            third = len(tensor) // 3
            yield f"{prefix}.q.weight", tensor[:third]
            yield f"{prefix}.kv.weight", tensor[third:]
        else:
            yield _our_name(name), tensor


def _our_name(name: str) -> str:
    for pattern, ours in _RENAMED:
        if match := re.match(pattern, name):
            head = match.expand(ours)
            if head[0].isdigit():
                head = f"network.transformer.layers.{head}"
            renamed = head + name[match.end() :]
            # Older versions of torch name the tensors of weight normalisation differently.
            renamed = renamed.replace(".weight_g", ".parametrizations.weight.original0")
            return renamed.replace(".weight_v", ".parametrizations.weight.original1")
    raise CheckpointError(f"the checkpoint has a tensor {name!r} that is not part of a JASCO")
