"""Script of a user whose types mypy checks with those of the package: a step of CI, never run."""

from __future__ import annotations

from jasco import Conditions, Euler, Guidance, Jasco

model = Jasco.from_pretrained("demo")
out = model.generate("funk", seed=7, solver="euler", steps=8, guidance=3.0)
out = model.generate([Conditions("funk", chords="C Am | F", bpm=96), "jazz"])
out = model.generate("funk", solver=Euler(8), guidance=Guidance(all=1.5))
names = [path.name for path in out[0].save("song.flac")]
length: int = len(out)
wrong: str = out.sample_rate  # type: ignore[assignment]
