"""Probe of text adherence: family of the lead, tempo class and genre, as the text names them.

    jasco-evaluate checkpoint=demo data.root=unseen/exact settings=[all,text,mismatched] run=figures
    python scripts/probe_text.py band/manifest.jsonl figures

The probe (``probe.py``) is trained on renders of one set of synthetic songs, and on what the codec
of the takes makes of these, and tested on those of another set and on the takes of an evaluation.
Only facts that the text of a take names are scored. In the setting ``text`` the text is the only
condition; in ``mismatched`` the other controls are those of another song; ``ceiling`` is the
renders through the codec, the most that takes can reach. Tempo Acc1 and Acc2
(`jasco.metrics.tempo`) compare the tempo that is extracted from each take with the beats per minute
of its song, ``told`` those whose text has the number.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from probe import CLASSES, UNKNOWN, add_options, learn, listen, named_facts, read_songs, truth
from torch import Tensor
from tqdm import tqdm

from jasco import load_audio
from jasco.checkpoint.codec import CodecSource
from jasco.evaluation.module import audio_path
from jasco.evaluation.settings import CEILING
from jasco.extract.onsets import onset_strength
from jasco.extract.tempo import estimate_tempo
from jasco.metrics import tempo as tempo_metric
from jasco.metrics.bootstrap import Interval, bootstrap

BOTH = "both"
"""Family and tempo together."""


def share(predicted: Tensor, wanted: Tensor) -> dict[str, Interval]:
    """Share of takes in which each fact, and `BOTH`, match, among those that name them."""
    right = (predicted == wanted).double()
    right[wanted == UNKNOWN] = torch.nan
    named = dict(zip(CLASSES, right.unbind(1), strict=True)) | {BOTH: right[:, :2].prod(1)}
    return {name: bootstrap(values.numpy()) for name, values in named.items()}


def floor(predicted: Tensor, wanted: Tensor) -> dict[str, float]:
    """Chance level of `share`, for takes that are unrelated to their requests.

    Each take is compared with the requests of all others. The level exceeds the inverse of the
    number of classes where some classes are frequent in requests and in predictions.
    """
    asks = wanted != UNKNOWN
    asks = torch.cat([asks, asks[:, :2].all(1, keepdim=True)], dim=1)
    right = predicted[:, None] == wanted[None]
    right = torch.cat([right, right[..., :2].all(2, keepdim=True)], dim=2)
    others = ~torch.eye(len(predicted), dtype=torch.bool)[..., None]
    counted = asks[:, None] & asks[None] & others
    means = (right & counted).sum((0, 1)) / counted.sum((0, 1))
    return dict(zip((*CLASSES, BOTH), means.tolist(), strict=True))


def states_number(song: Mapping[str, Any]) -> bool:
    """True where the description of a song has its beats per minute."""
    return re.search(rf"\b{song['pulse']}\b", song["description"]) is not None


def tempo_scores(
    tempi: Sequence[float], songs: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Interval, float]]:
    """Tempo Acc1 and Acc2 of takes, and their levels against the songs of all other takes.

    Args:
        tempi: extracted tempo of each take (beats per minute).
        songs: its song, whose ``pulse`` has the felt beats per minute, as in `jasco-judge`.
    """
    found = {}
    told = [index for index, song in enumerate(songs) if states_number(song)]
    for group, chosen in (("", list(range(len(songs)))), (" told", told)):
        others = ~torch.eye(len(chosen), dtype=torch.bool)
        for score in (1, 2):
            rows = [
                [
                    tempo_metric.compute(songs[j]["pulse"], tempi[i])[f"accuracy{score}"]
                    for j in chosen
                ]
                for i in chosen
            ]
            right = torch.tensor(rows).reshape(len(chosen), len(chosen))
            level = float(right[others].mean())
            found[f"tempo Acc{score}{group}"] = bootstrap(right.diagonal().numpy()), level
    return found


def extract_tempo(path: Path) -> float:
    """Tempo of a recording (beats per minute)."""
    return estimate_tempo(onset_strength(load_audio(path)))


def main(argv: list[str] | None = None) -> int:
    """Train the probe, and score renders and takes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("band", type=Path, nargs="+", help="manifests of bands to learn from")
    parser.add_argument("evaluation", type=Path, help="folder of jasco-evaluate, on another band")
    add_options(parser)
    args = parser.parse_args(argv)
    report = json.loads((args.evaluation / "report.json").read_text())
    frozen = report["frozen"]
    codec = CodecSource(frozen["checkpoint"]["name"], frozen["checkpoint"]["revision"]).load()
    probe = learn(args.band, frozen["data"]["duration"], args.epochs, args.seed, codec)

    mixes = [Path(item["path"]) for item in report["items"]]
    known = read_songs(mixes[0].parent.parent / "manifest.jsonl")
    songs = [known[path.resolve()] for path in mixes]
    facts, wanted = (torch.tensor([f(song) for song in songs]) for f in (truth, named_facts))
    sources = {"renders": (mixes, facts), "renders, asked": (mixes, wanted)}
    for setting in (CEILING, *frozen["settings"]):
        takes = [
            audio_path(args.evaluation, setting, frozen["seeds"][0], item["id"])
            for item in report["items"]
        ]
        sources[setting] = takes, wanted
    print("chance:", ", ".join(f"{name} {1 / len(c):.3f}" for name, c in CLASSES.items()))
    figures = {}
    for name, (paths, labels) in sources.items():
        predicted = listen(probe, paths)
        shuffled = floor(predicted, labels)
        rows = {what: (value, shuffled[what]) for what, value in share(predicted, labels).items()}
        if name != "renders, asked":
            rows |= tempo_scores([extract_tempo(path) for path in tqdm(paths, unit="clip")], songs)
        told = (f"{what} {value}, shuffled {level:.3f}" for what, (value, level) in rows.items())
        print(f"{name:<14}", *told, sep="  ")
        figures[name] = {w: v._asdict() | {"shuffled": level} for w, (v, level) in rows.items()}
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
