"""A generation with the demo imports no package that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = {
    *("transformers", "huggingface_hub", "tokenizers", "scipy", "sympy", "mpmath", "pandas"),
    *("sklearn", "lightning", "hydra", "omegaconf", "matplotlib", "h5py", "demucs", "torchaudio"),
    *("pretty_midi", "mir_eval", "torchdiffeq", "httpx", "PIL", "pyloudnorm"),
    *("torch._dynamo", "torch._inductor", "torch.distributed.tensor"),
}
PROGRAM = """
import json, sys
from jasco.cli import generate
code = generate.main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def test_a_generation_is_light(tmp_path: Path) -> None:
    arguments = ["funk", "--chords", "C Am", "--bpm", "100", "--seed", "7", "--steps", "1"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, "--duration", "1", "-o", "song.flac"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0 and (tmp_path / "song.flac").is_file()
    assert not HEAVY & set(modules)
