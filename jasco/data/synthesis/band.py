"""What a band's folder holds, and the recipe that all of it comes from.

================================  ==================================================================
``recipe.json``                   seed, length of the songs, program and soundfont
``soundfont_license.txt``         that of FluidR3 GM, where it was played on
``manifest.jsonl``                a song a line: path, description, and the facts about it
``audio/000000.flac``, ``.json``  the mix, and what the manifest says of it
``drums/000000.flac``             the drums alone, as they are in the mix
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

from jasco.assets import asset
from jasco.atomic import write_text
from jasco.audio import save_audio
from jasco.data.synthetic import VERSION, Song, compose_song
from jasco.data.synthetic.render import SAMPLE_RATE, find_fluidsynth, find_soundfont, render_song
from jasco.errors import DataError, SettingError
from jasco.plain import read_object

RECIPE = "recipe.json"
MANIFEST = "manifest.jsonl"

# The FluidR3 GM of Debian, whose licence is known.
_FLUID_R3_GM = "74594e8f4250680adf590507a306655a299935343583256f3b722c48a1bc1cb0"
_LICENSE = "soundfont_license.txt"


@dataclass(frozen=True)
class Band:
    """Songs by their number, and where each of their files lies.

    Attributes:
        out: the folder.
        seed: of all songs; each number gives another song of it.
        seconds: length of every song.
    """

    out: Path
    seed: int = 0
    seconds: float = 20.0

    def song(self, number: int) -> Song:
        """The song of a number, which depends on nothing but the seed and the length."""
        return compose_song(f"{self.seed}/{number}", self.seconds)

    def mix(self, number: int) -> Path:
        """Its mix."""
        return self.out / "audio" / f"{number:06}.flac"

    def drums(self, number: int) -> Path:
        """Its drums alone."""
        return self.out / "drums" / f"{number:06}.flac"

    def score(self, number: int, suffix: str) -> Path:
        """Its notes (``.mid``) or chords (``.lab``)."""
        return self.out / "scores" / f"{number:06}{suffix}"

    def begin(self) -> None:
        """Make the folders, and write down the recipe and the licence of the soundfont.

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
        """Compose, render and write a song, unless all of it is there already.

        Returns:
            Whether there was anything to do.
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
        """Its line of the manifest; the song has been played.

        Raises:
            DataError: its facts cannot be read.
        """
        paths = {"path": self.mix(number), "drums": self.drums(number)}
        places = {key: path.relative_to(self.out).as_posix() for key, path in paths.items()}
        return places | _read_json(self.mix(number).with_suffix(".json"))

    def _recipe(self) -> dict[str, Any]:
        program, soundfont = find_fluidsynth(), find_soundfont()
        with soundfont.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "sample_rate": SAMPLE_RATE,
            "version": VERSION,
            "fluidsynth": said.stdout.partition("\n")[0],
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
