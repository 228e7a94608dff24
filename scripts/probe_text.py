"""Whether the text of a request is heard: a probe for the lead's instruments and for the tempo.

    jasco-evaluate checkpoint=demo data.root=unseen/exact settings=[all,none,mismatched] run=figures
    python scripts/probe_text.py band/exact figures

The probe, a small convolutional network over EnCodec latents, learns from the true renders of one
band and is tried on those of another and on the takes of an evaluation. Of a take only what its
text names is asked. Under `none` there was a text and nothing else; under `mismatched` the controls
are those of another song, whose lead should not be heard.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm, trange

from jasco import Jasco, load_audio
from jasco.codec import EnCodec
from jasco.data.prepared import PreparedDataset
from jasco.data.synthetic.description import TEMPO_CLASSES, TEMPO_WORDS
from jasco.data.synthetic.instruments import PITCHED
from jasco.evaluation.module import audio_path
from jasco.metrics.bootstrap import bootstrap

FAMILIES = tuple(sorted({instrument.family for instrument in PITCHED.values()}))
UNKNOWN = -1
NOISE = 0.1  # of the spread of the latents, against learning songs by heart


class Probe(nn.Module):
    """Latents (B, T, D) to the logits of families and of tempo classes."""

    def __init__(self, dim: int, width: int = 192, layers: int = 4) -> None:
        super().__init__()
        sizes = [dim, *[width] * layers]
        pairs = zip(sizes[:-1], sizes[1:], strict=True)
        self.convolutions = nn.ModuleList(nn.Conv1d(a, b, 5, stride=2, padding=2) for a, b in pairs)
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(layers))
        self.heads = nn.Linear(2 * width, len(FAMILIES) + len(TEMPO_CLASSES))

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        x = latents.transpose(1, 2)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = nn.functional.gelu(norm(convolution(x)))
        pooled = torch.cat([x.mean(-1), x.std(-1)], dim=1)
        logits = self.heads(nn.functional.dropout(pooled, 0.3, self.training))
        family, tempo = logits.split([len(FAMILIES), len(TEMPO_CLASSES)], dim=1)
        return family, tempo


def truth(fields: Mapping[str, Any]) -> tuple[int, int]:
    """Family of the lead and tempo class of a song, as numbers."""
    family = fields["families"].get("lead")
    lead = UNKNOWN if family is None else FAMILIES.index(family)
    return lead, TEMPO_CLASSES.index(fields["tempo_class"])


def asked(fields: Mapping[str, Any]) -> tuple[int, int]:
    """The same, where the description says it."""
    text = fields["description"].lower()
    lead, tempo = truth(fields)
    player = PITCHED.get(fields["instruments"].get("lead", ""))
    if player is None or not any(n.lower() in text for n in (player.name, *player.words)):
        lead = UNKNOWN
    if not any(word in text for word in TEMPO_WORDS[fields["tempo_class"]]):
        tempo = UNKNOWN
    return lead, tempo


def train(data: PreparedDataset, frames: int, epochs: int, batch: int, seed: int) -> Probe:
    """A probe of clips of ``frames`` of all tracks."""
    torch.manual_seed(seed)
    dim = data.clip(0, 0, frames).latents.shape[1]
    probe = Probe(dim)
    steps = epochs * (len(data) // batch)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    order = torch.cat([torch.randperm(len(data)) for _ in range(epochs)])
    for step in trange(steps, unit="step"):
        chosen = order[step * batch : (step + 1) * batch].tolist()
        clips = []
        for index in chosen:
            spare = data.tracks[index].num_frames - frames
            start = int(torch.randint(spare + 1, ()))
            clips.append(data.clip(index, start, frames).latents)
        labels = torch.tensor([truth(data.tracks[i].fields) for i in chosen])
        latents = torch.stack(clips).float()
        logits = probe(latents + NOISE * latents.std() * torch.randn_like(latents))
        losses = [
            cross_entropy(x, y, ignore_index=UNKNOWN, label_smoothing=0.1)
            for x, y in zip(logits, labels.unbind(1), strict=True)
        ]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        schedule.step()
    return probe.eval()


@torch.inference_mode()
def hear(probe: Probe, codec: EnCodec, paths: Sequence[Path]) -> Tensor:
    """(N, 2) families and tempo classes that the probe hears in recordings."""
    found = []
    for path in tqdm(paths, unit="take"):
        audio = load_audio(path).resample(codec.sample_rate).mono()
        latents = codec.encode_raw(audio.samples[None])
        found.append(torch.stack([x.argmax(1) for x in probe(latents.float())], dim=1))
    return torch.cat(found)


def share(heard: Tensor, wanted: Tensor) -> dict[str, Any]:
    """Part of the takes with the family asked for, the tempo, and both, of those that ask."""
    right = (heard == wanted).double()
    right[wanted == UNKNOWN] = torch.nan
    both = right.prod(1)
    named = {"family": right[:, 0], "tempo": right[:, 1], "both": both}
    return {name: bootstrap(values.numpy()) for name, values in named.items()}


def read_fields(manifest: Path) -> dict[Path, Mapping[str, Any]]:
    """What the band's manifest says of each mix."""
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    return {(manifest.parent / line["path"]).resolve(): line for line in lines}


def main(argv: list[str] | None = None) -> int:
    """Train the probe, and let it hear."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("band", type=Path, help="prepared dataset to learn from")
    parser.add_argument("evaluation", type=Path, help="folder of jasco-evaluate, on another band")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args(argv)
    report = json.loads((args.evaluation / "report.json").read_text())
    frozen = report["frozen"]
    model = Jasco.from_pretrained(frozen["checkpoint"]["name"], device="cpu", dtype="float32")
    data = PreparedDataset(args.band, [])
    probe = train(data, model.num_frames(frozen["data"]["duration"]), args.epochs, 32, args.seed)

    mixes = [Path(item["path"]) for item in report["items"]]
    fields = read_fields(mixes[0].parent.parent / "manifest.jsonl")
    songs = [fields[path.resolve()] for path in mixes]
    facts, wanted = (torch.tensor([f(song) for song in songs]) for f in (truth, asked))
    found = {"renders": share(hear(probe, model.codec, mixes), facts)}
    for setting in frozen["settings"]:
        takes = [
            audio_path(args.evaluation, setting, frozen["seeds"][0], item["id"])
            for item in report["items"]
        ]
        found[setting] = share(hear(probe, model.codec, takes), wanted)
    print(f"chance: family {1 / len(FAMILIES):.3f}, tempo {1 / len(TEMPO_CLASSES):.3f}")
    for name, figures in found.items():
        print(f"{name:<12}", *(f"{what} {value}" for what, value in figures.items()), sep="  ")
    if args.json:
        plain = {k: {w: v._asdict() for w, v in f.items()} for k, f in found.items()}
        args.json.write_text(json.dumps(plain, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
