"""``jasco-synthesize``: synthesis of songs with exact labels.

``jasco-synthesize songs=3000 seconds=20 seed=0 out=band codec.name=demo``. ``--help`` shows the
whole configuration, whose keys are overridden in the same way.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.cli.errors import one_line_errors
from jasco.cli.help import print_help
from jasco.errors import SettingError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from jasco.band.folder import Band

PROGRAM = "jasco-synthesize"
EXACT, EXTRACTED = "exact", "extracted"
LABELS = (EXACT, EXTRACTED)
GROUPS = {"executor": "Who does the work"}
KINDS = {
    "out": str,
    "songs": int,
    "seconds": float,
    "seed": int,
    "labels": str,
    "codec.name": str | None,
    "codec.revision": str | None,
    "drums": str,
}


def run(config: DictConfig) -> None:
    """Play and label the songs that a configuration asks for.

    Raises:
        JascoError: invalid settings, a missing part, or a song that cannot be rendered.
    """
    from jasco.cli.hydra_program import read_settings

    settings = read_settings(config, KINDS)
    labels = settings["labels"]
    if labels not in LABELS:
        raise SettingError(f"labels={labels!r}: give {' or '.join(LABELS)}")
    if labels == EXTRACTED and not settings["codec"]["name"]:
        raise SettingError("extracted labels need a codec: give codec.name=NAME")
    from jasco.band.dataset import synthesize
    from jasco.band.folder import MANIFEST
    from jasco.cli.kinds import check_nodes
    from jasco.cli.quiet import quiet_transformers
    from jasco.data.manifest import read_manifest
    from jasco.prepare import prepare

    parts = ("executor", "codec", "stage") if settings["codec"]["name"] else ("executor",)
    check_nodes({part: settings[part] for part in parts})
    quiet_transformers()
    band, songs, executor, codec, stages = build_synthesis(settings)
    print(synthesize(band, songs, executor, codec=codec))
    if stages:
        recordings = read_manifest(band.out / MANIFEST)
        print(prepare(recordings, band.out / EXTRACTED, stages, executor))
    if codec is not None or stages:
        print(f"train on them with data.root={band.out / labels}")


def build_synthesis(settings: Mapping[str, Any]) -> tuple[Band, int, Any, Any, list[Any]]:
    """Band, number of songs, executor, codec of exact labels and stages of extracted ones.

    Args:
        settings: configuration of the synthesis, plain data.
    """
    from jasco.band.folder import Band
    from jasco.config import build_node
    from jasco.data.prepared import BARS

    out = Path(settings["out"]).expanduser().absolute()
    band = Band(out, settings["seed"], float(settings["seconds"]))
    executor = build_node(settings["executor"])
    extracted = settings["labels"] == EXTRACTED
    codec = None
    if settings["codec"]["name"] and not extracted:
        codec = build_node(settings["codec"])
    stages = [build_node(node) for node in settings["stage"].values()] if extracted else []
    # Exact labels have no bar lines, so that training draws the same clips of both.
    stages = [stage for stage in stages if stage.name != BARS]
    return band, settings["songs"], executor, codec, stages


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    if print_help("synthesize", GROUPS):
        return 0
    from jasco.cli.hydra_program import run_processes

    return run_processes(PROGRAM, "synthesize", run)


if __name__ == "__main__":
    sys.exit(main())
