"""Uploads: read at once by the readers of Jasco, so that a wrong file shows when it is dropped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jasco.audio import Audio, load_audio, loudness, probe, read_recipe, save_audio
from jasco.band.midi_drums import MidiDrums
from jasco.band.patterns import DrumPattern
from jasco.charts import load_chart
from jasco.charts.formats import is_chart_text, is_link
from jasco.chords import ChordProgression
from jasco.chords.files import CHORD_FILES
from jasco.chords.metre import Metre, whole_note
from jasco.controls import CONTROLS
from jasco.drums import LONGEST_DRUMS
from jasco.errors import JascoError, SettingError
from jasco.extract.demucs import load_drum_network
from jasco.extract.drums import DrumSeparator
from jasco.extract.onsets import detect_onsets
from jasco.io.kinds import MIDI, RECORDING, kind_of
from jasco.io.plain import read_json
from jasco.melody import Melody
from jasco.notices import describe
from jasco.recipe import Recipe
from jasco.studio import sheet
from jasco.studio.workspace import Kept, Workspace

LONGEST_HUM = 300.0
"""Longest recording of which a melody is taken (s)."""


def read_upload(kind: str, file: Kept, workspace: Workspace, bpm: float) -> dict[str, Any]:
    """Facts of an uploaded file for the page.

    Args:
        kind: ``drums`` (an isolated track or a MIDI file), ``song`` (see `separated`), ``melody``
            (a MIDI file or a recording of one voice), ``chart`` or ``take``.
        file: the upload.
        workspace: files of the page.
        bpm: tempo of the page, for melodies and files of chords that count seconds.

    Raises:
        JascoError: the file is of another kind, or cannot be read.
    """
    if kind not in _READERS:
        raise SettingError(f"kind is {kind!r:.40}: give one of {', '.join(_READERS)}")
    return {"id": file.id, "name": file.name, **_READERS[kind](file, workspace, bpm)}


def separated(file: Kept, workspace: Workspace) -> Iterator[dict[str, Any]]:
    """Separate the drums of a song; closing the iterator ends the work.

    Yields:
        ``separating`` (done, total in s) as it goes on, then ``drums``: the facts of their file.

    Raises:
        JascoError: the song cannot be read, or the separator is missing.
    """
    audio = load_audio(file.path, duration=LONGEST_DRUMS)
    separator = DrumSeparator(load_drum_network())
    pieces: list[Tensor] = []
    done = 0.0
    for piece in separator.stream(audio):
        pieces.append(piece)
        done += piece.shape[1] / separator.sample_rate
        yield {"event": "separating", "done": round(done, 1), "total": round(audio.duration, 1)}
    drums = Audio(torch.cat(pieces, 1), separator.sample_rate)
    part = workspace.place(f"{file.name} drums.wav")
    save_audio(part.path, *drums, loudness=None)
    yield {"event": "drums", **_rhythm(drums), "id": part.id, "name": f"drums of {file.name}"}


def pasted_sheet(
    text: str, bpm: float, time_signature: str, key: str | None, workspace: Workspace
) -> dict[str, Any]:
    """Sheet of pasted chords in any notation, of a chart's text or of a link of iReal Pro.

    Raises:
        JascoError: it cannot be read.
    """
    if not isinstance(text, str) or not is_chart_text(text):
        return sheet.sheet_of_text(text, bpm, time_signature, key)
    if is_link(text):
        return sheet.sheet_of_chart(load_chart(text))
    file = workspace.place("pasted text")
    try:
        file.path.write_text(text, encoding="utf-8")
        return sheet.sheet_of_chart(load_chart(file.path))
    except JascoError as error:
        raise SettingError(workspace.shown(describe(error))) from error  # while it has the name
    finally:
        workspace.drop(file.id)


def pattern_onsets(name: str, bpm: float, time_signature: str, duration: float) -> list[float]:
    """Onsets (s) of a drum pattern of the band.

    Raises:
        JascoError: no such pattern, or a tempo or metre out of range.
    """
    pattern = drum_pattern(name, bpm, time_signature)
    return _distinct([note.onset for note in pattern.strokes(duration)], duration)


def drum_pattern(name: str, bpm: float, time_signature: str) -> DrumPattern:
    """Drum pattern of the band, never a file of that name."""
    metre = Metre.parse(time_signature)
    return DrumPattern.parse(name, metre, float(whole_note(bpm, metre) * metre.length))


def restored(plain: Any) -> dict[str, Any]:
    """Settings of the page that make the take of a recipe again.

    Raises:
        ConditionError: the data is not a recipe.
    """
    recipe = Recipe.from_dict(plain)
    drums = plain["conditions"].get("drums")
    return {
        "sheet": sheet.sheet_of_recipe(recipe),
        "text": recipe.conditions.text or "",
        "seed": recipe.seed,
        "steps": recipe.solver.get("steps"),
        "guidance": dict(recipe.guidance),
        "drums": drums,
        "model": recipe.model,
        "song": None if recipe.song is None else recipe.song.get("kind"),
    }


def _drums(file: Kept, workspace: Workspace, bpm: float) -> dict[str, Any]:
    if kind_of(file.path) == MIDI:
        played = MidiDrums.read(file.path)
        onsets = [note.onset for note in played.strokes]
        return {"duration": played.duration, "onsets": _distinct(onsets, played.duration)}
    return _rhythm(load_audio(file.path, duration=LONGEST_DRUMS))


def _rhythm(audio: Audio) -> dict[str, Any]:
    onsets = np.round(detect_onsets(audio), 3).tolist()
    return {"duration": audio.duration, "onsets": onsets}


def _song(file: Kept, workspace: Workspace, bpm: float) -> dict[str, Any]:
    return {"duration": probe(file.path).duration}


def _melody(file: Kept, workspace: Workspace, bpm: float) -> dict[str, Any]:
    if kind_of(file.path) == RECORDING:
        _, extract = CONTROLS["melody"].find_extractor("swift_f0")
        melody = extract(load_audio(file.path, duration=LONGEST_HUM))
        if not melody.notes():
            raise SettingError(
                "no pitch was found in the recording: hum one voice, nearer to the microphone"
            )
    else:
        melody = Melody.load(file.path)
    return {
        "melody": sheet.notes_in_beats(melody.notes(), bpm),
        "notices": list(melody.notices),
    }


def _chart(file: Kept, workspace: Workspace, bpm: float) -> dict[str, Any]:
    if file.path.suffix in CHORD_FILES and file.path.suffix != ".jams":
        chords = ChordProgression.load(file.path, bpm=bpm)
        return {"sheet": sheet.sheet_of_chords(chords, bpm, Metre(4, 4))}
    return {"sheet": sheet.sheet_of_chart(load_chart(file.path))}


def _take(file: Kept, workspace: Workspace, bpm: float) -> dict[str, Any]:
    if file.path.suffix == ".json":  # the recipe beside a wav file
        plain = read_json(file.path, SettingError)
        return {"recipe": plain, "settings": restored(plain), "here": False, "loudness": None}
    plain = read_recipe(file.path)
    if plain is None:
        raise SettingError(
            f"{file.name} holds no recipe of a take: drop it on the drums or on the melody to use "
            "it as one"
        )
    level = loudness(load_audio(file.path))
    found = {"loudness": round(level, 2) if math.isfinite(level) else None}
    return {"recipe": plain, "settings": restored(plain), "here": True, **found}


def _distinct(onsets: list[float], end: float) -> list[float]:
    return sorted({round(onset, 3) for onset in onsets if onset < end})


_READERS: dict[str, Callable[[Kept, Workspace, float], dict[str, Any]]] = {
    "drums": _drums,
    "song": _song,
    "melody": _melody,
    "chart": _chart,
    "take": _take,
}
