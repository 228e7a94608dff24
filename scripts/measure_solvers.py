"""Error in the latents and spread of solvers, against the fourth-order Runge-Kutta rule.

`python scripts/measure_solvers.py demo` prints the table of docs/generation.md in some minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor

from jasco import AB2, ABM2, RK4, ChordProgression, Conditions, Euler, Jasco, Melody, load_audio
from jasco.flow import Guidance, Solver

SOLVERS = (
    Euler(8),
    Euler(50),
    AB2(8, shift=3),
    ABM2(8, shift=3),
    ABM2(9, shift=3),
    ABM2(16, shift=3),
)


def requests() -> list[Conditions]:
    """Eight requests with one control to four."""
    beat, tune = load_audio("sample:beat.ogg"), Melody.from_midi("sample:tune.mid")
    pop = ChordProgression.parse("C Am | F G7 | C Am | F C", bpm=96)
    jazz = ChordProgression.parse("Dm7 | G7 | Cmaj7 | A7", bpm=80)
    bossa = ChordProgression.parse("Am7 D7 | Gmaj7 Cmaj7 | F#m7b5 B7 | Em", bpm=120)
    folk = ChordProgression.parse("Em C | G D", bpm=110)
    return [
        Conditions("warm 80s synth-pop, driving bass", pop, drums=beat, melody=tune),
        Conditions("warm 80s synth-pop, driving bass", pop),
        Conditions("a slow jazz ballad with piano and brushed drums", jazz),
        Conditions("rock with distorted guitar", drums=beat),
        Conditions("bossa nova, nylon guitar", bossa, drums=beat),
        Conditions("strings and harp", melody=tune),
        Conditions(chords=folk, melody=tune),
        Conditions("funk"),
    ]


def table(
    model: Jasco,
    clips: Sequence[Conditions],
    solvers: Sequence[Solver],
    reference: Solver,
    duration: float | None = None,
) -> list[str]:
    """Lines of a Markdown table: relative error and spread of the latents of each solver."""

    def latents(solver: Solver) -> Tensor:
        made = (
            model.generate(clip, seed=k, solver=solver, duration=duration)
            for k, clip in enumerate(clips)
        )
        return torch.cat([out.latents for out in made])

    exact = latents(reference)
    rows = ["| solver | error in the latents | spread of the latents |", "| --- | --- | --- |"]
    for solver in solvers:
        found = latents(solver)
        error = float((found - exact).norm() / exact.norm())
        name = ", ".join(f"{key} {value}" for key, value in solver.settings().items())
        share = float(found.std() / exact.std())
        rows.append(f"| {name.removeprefix('name ')} | {error:.3f} | {share:.3f} |")
    return rows


def main(argv: list[str] | None = None) -> int:
    """Print the table of a model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("model", nargs="?", default="demo")
    parser.add_argument("--guidance", help="such as all=5; default: that of the model")
    parser.add_argument("--reference", type=int, default=24, help="steps of the reference")
    args = parser.parse_args(argv)
    model = Jasco.from_pretrained(args.model, device="cpu", dtype="float32")
    if args.guidance:
        model.guidance = Guidance.of(args.guidance)
    print("\n".join(table(model, requests(), SOLVERS, RK4(args.reference, shift=3))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
