"""Folder of synthetic songs: its files, and the recipe that reproduces them.

================================  ==================================================================
``recipe.json``                   seed, length of the songs, program and soundfont
``soundfont_license.txt``         licence of FluidR3 GM, where it is the soundfont
``manifest.jsonl``                one song per line: path, description, and further facts
``audio/000000.flac``, ``.json``  the mix, and its facts in the manifest
``drums/000000.flac``             the isolated drums, as contained in the mix
``scores/000000.mid``, ``.lab``   all notes; the chords
================================  ==================================================================
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jasco.audio import save_audio
from jasco.band import VERSION, Song, compose_song
from jasco.band.render import SAMPLE_RATE, find_fluidsynth, find_soundfont, render_song
from jasco.errors import DataError, SettingError
from jasco.io.assets import asset
from jasco.io.atomic import write_text
from jasco.io.plain import read_object

RECIPE = "recipe.json"
MANIFEST = "manifest.jsonl"

# FluidR3 GM as packaged by Debian, whose licence is known.
_FLUID_R3_GM = "74594e8f4250680adf590507a306655a299935343583256f3b722c48a1bc1cb0"
_LICENSE = "soundfont_license.txt"


@dataclass(frozen=True)
class Band:
    """Songs by number, with the paths of their files.

    Attributes:
        out: folder of the songs.
        seed: seed of all songs; each number gives another song.
        seconds: length of every song (s).
    """

    out: Path
    seed: int = 0
    seconds: float = 20.0

    def song(self, number: int) -> Song:
        """Song of a number, a function of seed, length and number alone."""
        return compose_song(f"{self.seed}/{number}", self.seconds)

    def mix(self, number: int) -> Path:
        """Path of the mix of a song."""
        return self.out / "audio" / f"{number:06}.flac"

    def drums(self, number: int) -> Path:
        """Path of the isolated drums of a song."""
        return self.out / "drums" / f"{number:06}.flac"

    def isolated(self, number: int) -> dict[str, Path]:
        """Recordings in which a control stands alone, by its name."""
        return {"drums": self.drums(number)}

    def score(self, number: int, suffix: str) -> Path:
        """Path of the notes (``.mid``) or chords (``.lab``) of a song."""
        return self.out / "scores" / f"{number:06}{suffix}"

    def begin(self) -> None:
        """Create the folders, and write the recipe and the licence of the soundfont.

        Raises:
            SettingError: the folder holds songs of another recipe.
            MissingPartError: FluidSynth or a soundfont is not installed.
        """
        recipe = self._recipe()
        path = self.out / RECIPE
        if path.is_file():
            held = _read_json(path)
            other = [key for key in recipe if held.get(key) != recipe[key]]
            if other:
                raise SettingError(
                    f"{self.out} holds a band of another {', '.join(other)}: give another out=, or "
                    "remove that folder"
                )
        for folder in ("audio", "drums", "scores"):
            (self.out / folder).mkdir(parents=True, exist_ok=True)
        if recipe["soundfont"]["license"] == "MIT":
            write_text(self.out / _LICENSE, asset("fluid_r3_gm_license.txt").read_text("utf-8"))
        write_text(path, json.dumps(recipe, indent=1) + "\n")

    def play(self, number: int) -> bool:
        """Compose, render and write a song, unless all its files exist.

        Returns:
            False where all files existed.
        """
        mix, drums = self.mix(number), self.drums(number)
        midi, lab = self.score(number, ".mid"), self.score(number, ".lab")
        side = mix.with_suffix(".json")
        if all(path.is_file() for path in (mix, drums, midi, lab, side)):
            return False
        song = self.song(number)
        render = render_song(song)
        song.to_midi(midi)
        song.chords.to_lab(lab)
        write_text(side, json.dumps(song.to_dict()) + "\n")
        save_audio(drums, render.drums.samples, SAMPLE_RATE, loudness=None)
        save_audio(mix, render.mix.samples, SAMPLE_RATE, loudness=None)
        return True

    def row(self, number: int) -> dict[str, Any]:
        """Line of the manifest for a rendered song.

        Raises:
            DataError: the facts of the song cannot be read.
        """
        paths = {"path": self.mix(number), **self.isolated(number)}
        places = {key: path.relative_to(self.out).as_posix() for key, path in paths.items()}
        return places | _read_json(self.mix(number).with_suffix(".json"))

    def _recipe(self) -> dict[str, Any]:
        program, soundfont = find_fluidsynth(), find_soundfont()
        with soundfont.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        reply = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "sample_rate": SAMPLE_RATE,
            "version": VERSION,
            "fluidsynth": reply.stdout.partition("\n")[0],
            "soundfont": {
                "name": soundfont.name,
                "sha256": digest,
                "license": "MIT" if digest == _FLUID_R3_GM else "see its publisher",
            },
        }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_object(path, DataError)
    except DataError as error:
        raise DataError(f"{error}: remove it and run again") from error
