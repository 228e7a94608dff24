"""``jasco-prepare``: recordings into a prepared dataset, by a Hydra configuration.

``jasco-prepare manifest=songs.jsonl out=prepared``, or ``audio_dir=music``. ``--help`` shows the
whole configuration, whose keys are overridden in the same way.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import hydra
import transformers
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.audio import probe
from jasco.cli.config import conf_dir
from jasco.cli.errors import INTERRUPTED, one_line_errors
from jasco.data.manifest import Recording, read_manifest, scan_folder, write_manifest
from jasco.data.preparation import QUARANTINE, prepare
from jasco.errors import AudioError, DataError, JascoError, SettingError
from jasco.preprocess.stages.stage import Stage

PROGRAM = "jasco-prepare"


@hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="prepare")
def _compose(config: DictConfig) -> None:
    code = run(config)
    if code == INTERRUPTED:
        os._exit(
            code
        )  # not waiting for threads that are deep in a network: no file is half written
    sys.exit(code)


def main() -> None:
    """Run the command line; see ``--help``."""
    _compose()


@one_line_errors(PROGRAM)
def run(config: DictConfig) -> int:
    """Prepare what a configuration names."""
    try:
        settings: Any = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise SettingError(f"the configuration cannot be resolved: {error}") from error
    if settings["out"] == "???":
        raise SettingError("no folder for the dataset: give out=FOLDER")
    out = Path(settings["out"]).expanduser().absolute()
    transformers.utils.logging.disable_progress_bar()  # a codec is loaded in a second
    stages = [_stage(name, settings["stage"]) for name in settings["stages"]]
    executor = _build(settings["executor"])
    recordings = _recordings(settings["manifest"], settings["audio_dir"], out)
    summary = prepare(recordings, out, stages, executor)
    print(summary)
    if summary.quarantined:
        print(f"  reasons in {out / QUARANTINE}")
    if not summary.done + summary.skipped:
        raise DataError(f"nothing could be prepared: {out / QUARANTINE} says why")
    return 0


def _stage(name: str, nodes: dict[str, Any]) -> Stage:
    if name not in nodes:
        raise SettingError(f"stage {name!r} is unknown: give some of {', '.join(nodes)}")
    stage: Stage = _build(nodes[name])
    return stage


def _build(node: dict[str, Any]) -> Any:
    """What a node of our own configuration describes."""
    try:
        return hydra.utils.instantiate(node, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, JascoError):
            raise error.__cause__ from None
        raise SettingError(f"{node.get('_target_')}: {error.__cause__ or error}") from error


def _recordings(manifest: str | None, audio_dir: str | None, out: Path) -> list[Recording]:
    """Those of a manifest, or of a folder, for which a manifest is written into the dataset."""
    if (manifest is None) == (audio_dir is None):
        raise SettingError("give manifest=FILE.jsonl or audio_dir=FOLDER, and not both")
    if manifest is not None:
        return read_manifest(manifest)
    recordings = scan_folder(str(audio_dir), _probe)
    out.mkdir(parents=True, exist_ok=True)
    write_manifest(out / "manifest.jsonl", recordings)
    return recordings


def _probe(path: Path) -> dict[str, Any]:
    try:
        info = probe(path)
    except AudioError:  # the preparation says what is wrong with it
        return {}
    return {"duration": info.duration, "sample_rate": info.sample_rate, "channels": info.channels}


if __name__ == "__main__":
    main()
