"""``jasco-prepare``: recordings into a prepared dataset.

``jasco-prepare manifest=songs.jsonl out=prepared``, or ``audio_dir=music``. The words are overrides
of a Hydra configuration, which ``--help`` shows.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.cli.errors import one_line_errors
from jasco.cli.help import print_help
from jasco.errors import AudioError, DataError, SettingError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from jasco.data.manifest import Recording

PROGRAM = "jasco-prepare"
MANIFEST = "manifest.jsonl"
"""Manifest in the dataset of a folder of recordings."""
GROUPS = {"executor": "Who does the work"}
KINDS = {
    "manifest": str | None,
    "audio_dir": str | None,
    "text": str | None,
    "out": str,
    "stages": list[str],
    "codec.name": str,
    "codec.revision": str | None,
    "drums": str,
}


def run(config: DictConfig) -> None:
    """Prepare the recordings that a configuration names, and print counts.

    Raises:
        JascoError: invalid settings, or no recording that could be prepared.
    """
    from jasco.cli.hydra_program import read_settings

    settings = read_settings(config, KINDS)
    unknown = [name for name in settings["stages"] if name not in settings["stage"]]
    if unknown:
        raise SettingError(f"no stage {unknown[0]!r}: give some of {', '.join(settings['stage'])}")
    _check_source(settings["manifest"], settings["audio_dir"])
    _check_text(settings["text"])
    from jasco.cli.kinds import check_nodes
    from jasco.cli.quiet import quiet_transformers
    from jasco.prepare import QUARANTINE, prepare
    from jasco.prepare.descriptions import remarks
    from jasco.prepare.stages.bars import BarStage, tracks_with_bars

    quiet_transformers()
    check_nodes(settings)
    recordings, out, stages, executor = build_preparation(settings)
    if settings["text"]:
        print(*remarks(recordings), sep="\n")
    summary = prepare(recordings, out, stages, executor)
    print(summary)
    if BarStage.name in settings["stages"]:
        found = tracks_with_bars(out)
        print(f"  a beat was found in {sum(found)} of {len(found)} tracks")
    if summary.quarantined:
        print(f"  {out / QUARANTINE} holds the reasons")
    if not summary.done + summary.skipped:
        raise DataError(f"no recording could be prepared: {out / QUARANTINE} holds the reasons")


def build_preparation(settings: Mapping[str, Any]) -> tuple[list[Recording], Path, list[Any], Any]:
    """Recordings, folder of the dataset, stages and executor.

    Args:
        settings: configuration of the preparation, plain data.
    """
    from jasco.config import build_node

    stages = [build_node(settings["stage"][name]) for name in settings["stages"]]
    executor = build_node(settings["executor"])
    out = Path(settings["out"]).expanduser().absolute()
    found = _recordings(settings["manifest"], settings["audio_dir"], out, settings["text"])
    return found, out, stages, executor


def _check_source(manifest: str | None, audio_dir: str | None) -> None:
    if (manifest is None) == (audio_dir is None):
        raise SettingError("give either manifest=FILE.jsonl or audio_dir=FOLDER")


def _check_text(source: str | None) -> None:
    from jasco.prepare.descriptions import SOURCES

    if source is not None and source not in SOURCES:
        raise SettingError(f"text={source}: give {', '.join(SOURCES)}, or null")


def _recordings(
    manifest: str | None, audio_dir: str | None, out: Path, text: str | None = None
) -> list[Recording]:
    """Recordings of a manifest or of a folder, whose manifest is written into the dataset."""
    from jasco.data.manifest import read_manifest, scan_folder, write_manifest
    from jasco.prepare.descriptions import with_descriptions

    given = None if manifest is None else read_manifest(manifest)
    recordings = scan_folder(str(audio_dir), _probe) if given is None else given
    recordings = with_descriptions(recordings, text) if text else recordings
    if given is not None:
        return recordings
    out.mkdir(parents=True, exist_ok=True)
    write_manifest(out / MANIFEST, recordings)
    return recordings


def _probe(path: Path) -> dict[str, Any]:
    from jasco.audio import probe

    try:
        info = probe(path)
    except AudioError:  # the preparation reports the error
        return {}
    return {"duration": info.duration, "sample_rate": info.sample_rate, "channels": info.channels}


@one_line_errors(PROGRAM)
def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    if print_help("prepare", GROUPS):
        return 0
    from jasco.cli.hydra_program import run_processes

    return run_processes(PROGRAM, "prepare", run)


if __name__ == "__main__":
    sys.exit(main())
