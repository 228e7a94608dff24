"""A CLAP of small sizes, as transformers saves one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, RobertaTokenizer


def save_clap(folder: Path, *, fusion: bool = False) -> Path:
    """A small CLAP with seeded weights, as transformers saves it."""
    torch.manual_seed(0)
    letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *map(chr, range(97, 123)), "Ġ"]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(letters)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    text = dict(hidden_size=16, num_attention_heads=2, num_hidden_layers=2, intermediate_size=16)
    audio = dict(
        depths=[1, 1],
        num_attention_heads=[1, 2],
        patch_embeds_hidden_size=8,
        hidden_size=16,
        num_mel_bins=64,
        spec_size=256,
        window_size=8,
        enable_fusion=fusion,
        fusion_type="aff_2d" if fusion else None,
        enable_patch_fusion=fusion,
        num_hidden_layers=2,
    )
    config = ClapConfig(
        text_config=text | {"vocab_size": len(letters), "max_position_embeddings": 40},
        audio_config=audio,
        projection_dim=12,
    )
    ClapModel(config).save_pretrained(folder)
    ClapFeatureExtractor(truncation="fusion" if fusion else "rand_trunc").save_pretrained(folder)
    return folder
