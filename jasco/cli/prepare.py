"""``jasco-prepare``: recordings into a prepared dataset.

``jasco-prepare manifest=songs.jsonl out=prepared``, or ``audio_dir=music``. The words are overrides
of a Hydra configuration, which ``--help`` shows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from jasco.audio import probe
from jasco.cli.config import build_node, run_processes
from jasco.cli.quiet import quiet_transformers
from jasco.data.manifest import Recording, read_manifest, scan_folder, write_manifest
from jasco.data.preparation import QUARANTINE, prepare
from jasco.errors import AudioError, DataError, SettingError

PROGRAM = "jasco-prepare"
MANIFEST = "manifest.jsonl"
"""What is written into a dataset that is made of a folder."""


def run(config: DictConfig) -> None:
    """Prepare what a configuration names, and print what was done.

    Raises:
        JascoError: nothing can be prepared, or none of the recordings could.
    """
    quiet_transformers()
    settings: Any = OmegaConf.to_container(config, resolve=True)
    if settings["out"] == "???":
        raise SettingError("no folder for the dataset: give out=FOLDER")
    unknown = [name for name in settings["stages"] if name not in settings["stage"]]
    if unknown:
        raise SettingError(f"no stage {unknown[0]!r}: give some of {', '.join(settings['stage'])}")
    stages = [build_node(settings["stage"][name]) for name in settings["stages"]]
    executor = build_node(settings["executor"])
    out = Path(settings["out"]).expanduser().absolute()
    recordings = _recordings(settings["manifest"], settings["audio_dir"], out)
    summary = prepare(recordings, out, stages, executor)
    print(summary)
    if summary.quarantined:
        print(f"  {out / QUARANTINE} holds the reasons")
    if not summary.done + summary.skipped:
        raise DataError(f"no recording could be prepared: {out / QUARANTINE} holds the reasons")


def _recordings(manifest: str | None, audio_dir: str | None, out: Path) -> list[Recording]:
    """Those of a manifest; or those of a folder, whose manifest goes into the dataset."""
    if (manifest is None) == (audio_dir is None):
        raise SettingError("give either manifest=FILE.jsonl or audio_dir=FOLDER")
    if manifest is not None:
        return read_manifest(manifest)
    recordings = scan_folder(str(audio_dir), _probe)
    out.mkdir(parents=True, exist_ok=True)
    write_manifest(out / MANIFEST, recordings)
    return recordings


def _probe(path: Path) -> dict[str, Any]:
    try:
        info = probe(path)
    except AudioError:  # what is wrong with it is said where it is read
        return {}
    return {"duration": info.duration, "sample_rate": info.sample_rate, "channels": info.channels}


def main() -> int:
    """Run the command line; its words are Hydra's overrides."""
    return run_processes(PROGRAM, "prepare", run)


if __name__ == "__main__":
    sys.exit(main())
