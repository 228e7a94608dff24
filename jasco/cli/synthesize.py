"""``jasco-synthesize``: songs of the band into a folder, by a Hydra configuration.

``jasco-synthesize songs=3000 seconds=20 seed=0 out=band codec.name=demo``. ``--help`` shows the
whole configuration, whose keys are overridden in the same way.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from jasco.cli.config import build_node, run_processes
from jasco.cli.quiet import quiet_transformers
from jasco.data.manifest import read_manifest
from jasco.data.preparation import prepare
from jasco.data.synthesis import EXACT, MANIFEST, Band, synthesize
from jasco.errors import SettingError

PROGRAM = "jasco-synthesize"
EXTRACTED = "extracted"
LABELS = (EXACT, EXTRACTED)


def run(config: DictConfig) -> None:
    """Play and label what a configuration asks for.

    Raises:
        JascoError: a setting out of range, a missing part, a song that could not be played.
    """
    settings: Any = OmegaConf.to_container(config, resolve=True)
    labels = settings["labels"]
    if labels not in LABELS:
        raise SettingError(f"labels={labels!r}: give {' or '.join(LABELS)}")
    if labels == EXTRACTED and not settings["codec"]["name"]:
        raise SettingError("extracted labels need a codec: give codec.name=NAME")
    if settings["out"] == "???":
        raise SettingError("no folder for the band: give out=FOLDER")
    band = Band(
        Path(settings["out"]).expanduser().absolute(),
        _number("seed", settings["seed"], int),
        _number("seconds", settings["seconds"], float),
    )
    quiet_transformers()
    executor = build_node(settings["executor"])
    codec = build_node(settings["codec"]) if settings["codec"]["name"] else None
    songs = _number("songs", settings["songs"], int)
    print(synthesize(band, songs, executor, codec=codec if labels == EXACT else None))
    if codec is not None and labels == EXTRACTED:
        stages = [build_node(node) for node in settings["stage"].values()]
        recordings = read_manifest(band.out / MANIFEST)
        print(prepare(recordings, band.out / EXTRACTED, stages, executor))
    if codec is not None:
        print(f"train on them with data.root={band.out / labels}")


def _number(name: str, value: Any, kind: type) -> Any:
    """A number of the configuration; whole ones may be written with a point where fractions may."""
    if isinstance(value, bool) or not isinstance(value, int | kind):
        raise SettingError(f"{name}={value!r}: give a {'whole ' * (kind is int)}number")
    return kind(value)


def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    return run_processes(PROGRAM, "synthesize", run)


if __name__ == "__main__":
    sys.exit(main())
