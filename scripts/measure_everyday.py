"""Measure whether takes of everyday prompts sound like a genre that fits.

    python scripts/measure_everyday.py demo band/manifest.jsonl everyday
    python scripts/measure_everyday.py demo band/manifest.jsonl strong --guidance text=4 --takes 3

The prompts, ``assets/judge/everyday.jsonl``, are scenes, occasions and moods as people type them.
They avoid the names of genres, and each states one to three genres of the band that would fit. A
take of 10 s is generated from the text alone; the probe (``probe.py``), trained on renders of the
band, predicts the genre. OUT is of one checkpoint and guidance: files that it has are kept.

Printed are the share of takes whose genre is acceptable, the same for the renders of ``--unseen``
songs (the most that the probe can find), the share of a uniform guess (chance), and that of the
takes against all other prompts (shuffled), which a model that makes one genre of everything
reaches too.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from probe import CLASSES, add_options, learn, listen, read_songs, truth
from torch import Tensor
from tqdm import tqdm

from jasco import Conditions, Jasco, save_audio
from jasco.band.genres import GENRES
from jasco.errors import DataError
from jasco.evaluation.plan import noise_seed
from jasco.flow import Guidance
from jasco.io.assets import asset
from jasco.io.jsonl import read_lines
from jasco.metrics.bootstrap import bootstrap

DURATION = 10.0  # s
GENRE = list(CLASSES).index("genre")


class Prompt(NamedTuple):
    """Text, and the genres that fit it."""

    text: str
    genres: tuple[str, ...]


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts of a JSONL file.

    Raises:
        DataError: a line without text, or with genres that the band does not play.
    """
    prompts = []
    for label, row in read_lines(path):
        prompt = Prompt(row.get("text", ""), tuple(row.get("genres", ())))
        if not prompt.text or not prompt.genres or not GENRES.keys() >= set(prompt.genres):
            raise DataError(f"{label}: give a text and genres out of {', '.join(GENRES)}")
        prompts.append(prompt)
    return prompts


def generate(
    model: Jasco,
    prompts: Sequence[Prompt],
    folder: Path,
    *,
    takes: int = 1,
    guidance: Guidance | None = None,
    duration: float = DURATION,
    batch: int = 8,
) -> list[list[Path]]:
    """Generate the missing takes; returns the files of each prompt."""
    names = ["".join(c if c.isalnum() else "_" for c in prompt.text) for prompt in prompts]
    files = [[folder / f"{name}_{take}.flac" for take in range(takes)] for name in names]
    missing = [
        (prompt.text, take, path)
        for prompt, paths in zip(prompts, files, strict=True)
        for take, path in enumerate(paths)
        if not path.exists()
    ]
    for first in tqdm(range(0, len(missing), batch), unit="batch"):
        texts, numbers, paths = zip(*missing[first : first + batch], strict=True)
        out = model.generate(
            [Conditions(text=text) for text in texts],
            seed=[noise_seed(take, text) for take, text in zip(numbers, texts, strict=True)],
            guidance=guidance,
            duration=duration,
        )
        for path, samples, recipe in zip(paths, out.audio, out.recipe, strict=True):
            save_audio(path, samples, out.sample_rate, recipe=recipe)
    return files


def fits(predicted: Tensor, prompts: Sequence[Prompt]) -> Tensor:
    """Fit of each take to each prompt: predicted genres (N, takes) to (N, takes, N)."""
    wanted = torch.tensor([[genre in prompt.genres for genre in GENRES] for prompt in prompts])
    return wanted.T[predicted]


def main(argv: list[str] | None = None) -> int:
    """Generate takes, train the probe and score them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("checkpoint")
    parser.add_argument("band", type=Path, nargs="+", help="manifests of bands to learn from")
    parser.add_argument("out", type=Path, help="folder of the takes")
    parser.add_argument("--prompts", type=Path, default=asset("judge/everyday.jsonl"))
    parser.add_argument("--takes", type=int, default=1, help="takes of each prompt")
    parser.add_argument("--guidance", type=Guidance.of, help="all=1.5,text=3; default: the model's")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--unseen", type=Path, help="manifest of other songs, to test the probe on")
    add_options(parser)
    args = parser.parse_args(argv)
    prompts = read_prompts(args.prompts)
    model = Jasco.from_pretrained(args.checkpoint)
    options = {"takes": args.takes, "guidance": args.guidance, "batch": args.batch}
    files = generate(model, prompts, args.out, **options)
    probe = learn(args.band, DURATION, args.epochs, args.seed, model.codec)

    predicted = listen(probe, [path for paths in files for path in paths])[:, GENRE]
    right = fits(predicted.reshape(len(prompts), args.takes), prompts).double()
    own = torch.eye(len(prompts), dtype=torch.bool)
    found = bootstrap(right.mT[own].numpy())
    chance = sum(len(prompt.genres) for prompt in prompts) / len(prompts) / len(GENRES)
    shuffled = float(right.mT[~own].mean())
    print(f"genre fits {found}, chance {chance:.3f}, shuffled {shuffled:.3f}")
    counts = Counter(CLASSES["genre"][number] for number in predicted.tolist())
    print("predicted:", ", ".join(f"{genre} {count}" for genre, count in counts.most_common()))
    figures = {"fits": found._asdict(), "chance": chance, "shuffled": shuffled, "predicted": counts}
    if args.unseen:
        songs = read_songs(args.unseen)
        facts = torch.tensor([truth(song)[GENRE] for song in songs.values()])
        renders = bootstrap((listen(probe, list(songs))[:, GENRE] == facts).double().numpy())
        print(f"genre of unseen renders {renders}")
        figures["renders"] = renders._asdict()
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
