"""Seeded mutations of valid inputs for every reader; run as a program by ``test_fuzz.py``.

``python fuzz.py READER FOLDER SEED COUNT`` reads COUNT mutated inputs and prints a line of JSON
for each that ended in anything but a result or a JascoError, or took longer than `LIMIT` (s), and
at the end one with the counts and the peak of memory (bytes).
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from memory import peak

LIMIT = 5.0
"""Longest time (s) that one input may take."""

Read = Callable[[Path], object]
_NUMBERS = (b"-1", b"0", b"1e308", b"99999999999", b"-0.0", b"1e-320", b"NaN", b"Infinity", b"true")
_PIECES = (
    b"\x00",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"[" * 200,
    b"{",
    b'"',
    b"|",
    b"/",
    b"%",
    b"\n",
)
_TOKENS = (
    *(
        "|",
        "||",
        "%",
        ".",
        ",",
        "/",
        "(",
        ")",
        "[",
        "]",
        "[Verse]",
        "[3/4]",
        "[tempo 60]",
        "N.C.",
        "-",
    ),
    *(
        "C",
        "Am7",
        "F#m7b5",
        "Bb/D",
        "Cmaj9",
        "sus4",
        "C:maj7/3",
        "X",
        "N",
        "I",
        "bVII",
        "4",
        "6m",
        "♭",
    ),
    *(
        ":",
        "0",
        "2.5",
        "1e9",
        "-1",
        "x2",
        "Csus",
        "H",
        "Fis",
        "\u266d",
        "\u0000",
        "C7(b9,13)",
        "C6/9",
    ),
)


# --- mutations ---------------------------------------------------------------------------------


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One or two random changes of a file's bytes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 2)):
        place = rng.randrange(len(out) + 1)
        head = min(place, 200) if rng.random() < 0.5 else place  # headers decide most
        kind = rng.randrange(7)
        if kind == 0 and out:
            out[min(head, len(out) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1 and out:
            out[min(head, len(out) - 1)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            del out[place:]
        elif kind == 3:
            del out[head : head + rng.randint(1, 64)]
        elif kind == 4:
            out[head:head] = rng.choice(_PIECES)
        elif kind == 5:
            out[head : head + 4] = rng.randbytes(4)
        else:
            out[head:head] = out[place : place + rng.randint(1, 256)]
    return bytes(out)


def mutate_text(text: str, rng: random.Random) -> bytes:
    """Random changes of a text: digits, tokens, lines, and now and then its bytes."""
    data = text.encode()
    for _ in range(rng.randint(1, 2)):
        kind = rng.randrange(4)
        numbers = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
        if kind == 0 and numbers:
            place = rng.choice(numbers)
            data = data[:place] + rng.choice(_NUMBERS) + data[place + 1 :]
        elif kind == 1:
            words = data.split(b" ")
            words.insert(rng.randrange(len(words) + 1), rng.choice(_TOKENS).encode())
            data = b" ".join(words)
        elif kind == 2:
            lines = data.split(b"\n")
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            data = b"\n".join(lines)
        else:
            data = mutate(data, rng)
    return data


# --- readers: each makes valid files in a folder, and reads one of them ------------------------

Case = tuple[list[Path], Read]


def _audio(folder: Path) -> Case:
    import numpy as np
    import soundfile

    from jasco import load_audio
    from jasco.audio import load_mono, probe, read_recipe, save_audio

    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 16000)).astype(np.float32)
    files = []
    for suffix in (".wav", ".flac", ".mp3", ".ogg"):
        files.append(folder / f"a{suffix}")
        save_audio(files[-1], noise, 16000, loudness=None, recipe={"seed": 7})
    files.append(folder / "b.wav")
    soundfile.write(files[-1], noise.T, 16000, subtype="FLOAT")

    def read(path: Path) -> object:
        results = []
        for reader in (load_audio, probe, load_mono, read_recipe):
            results.append(_tried(reader, path))
        results.append(_tried(lambda p: load_audio(p, start=0.2, duration=0.1), path))
        return results

    return files, read


def _midi(folder: Path) -> Case:
    import pretty_midi

    from jasco import Melody

    song = pretty_midi.PrettyMIDI(initial_tempo=97)
    for program in (73, 0):
        part = pretty_midi.Instrument(program=program, name="lead")
        part.notes = [pretty_midi.Note(90, 60 + i, 0.4 * i, 0.4 * i + 0.5) for i in range(12)]
        part.pitch_bends = [pretty_midi.PitchBend(100, 0.3)]
        part.control_changes = [pretty_midi.ControlChange(64, 127, 1.0)]
        song.instruments.append(part)
    song.write(str(folder / "tune.mid"))
    return [folder / "tune.mid"], Melody.from_midi


def _melody(folder: Path) -> Case:
    import numpy as np
    import torch

    from jasco import Melody

    roll = np.zeros((53, 40), np.float32)
    roll[20, :30] = 1
    np.save(folder / "m.npy", roll)
    np.savez_compressed(folder / "m.npz", roll=roll, frame_rate=np.float64(50))
    torch.save(torch.from_numpy(roll), folder / "m.th")
    return [folder / f"m{suffix}" for suffix in (".npy", ".npz", ".th")], Melody.load


def _chord_text(folder: Path) -> Case:
    from jasco import ChordProgression

    texts = {
        "bars.txt": "C Am | F G7 | % | [Verse] C . . G | Bb/D F#m7b5",
        "timed.txt": "C:0 Am:2.5 F:4 G:6",
        "pairs.txt": '[["C", 0.0], ["Am", 2.5]]',
        "roman.txt": "I V | vi IV | bVII | %",
        "commas.txt": "C G,G:7 E:min",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)

    def read(path: Path) -> object:
        text = path.read_bytes().decode("utf-8", "replace")
        results = [_tried(ChordProgression.parse, text)]
        for options in ({"bpm": 96}, {"bpm": 60, "time_signature": "3/4", "key": "A minor"}):
            results.append(_tried(lambda t, o=options: ChordProgression.parse(t, **o), text))
        return results

    return [folder / name for name in texts], read


def _chord_file(folder: Path) -> Case:
    from jasco import ChordProgression

    chords = ChordProgression.parse("C:0 Am:2.5 F:4 G7:6")
    chords.to_lab(folder / "c.lab", end=8.0)
    chords.to_jams(folder / "c.jams", end=8.0)
    (folder / "c.json").write_text('[["C", 0.0], ["Am", 2.5]]')
    (folder / "htk.lab").write_text("0 25000000 C:maj\n25000000 40000000 A:min\n")
    return [folder / n for n in ("c.lab", "c.jams", "c.json", "htk.lab")], ChordProgression.load


def _request(folder: Path) -> Case:
    from jasco.pipeline.request import Request
    from jasco.pipeline.request_file import read_requests

    request = {"text": "funk", "chords": "C Am | F G", "bpm": 96, "seed": 7, "samples": 2}
    request |= {"duration": 4.5, "solver": "euler", "steps": 8, "guidance": {"all": 1.5, "text": 3}}
    request |= {"loudness": -14, "output": "song.flac", "time_signature": "4/4"}
    (folder / "r.json").write_text(json.dumps([request, request], indent=1))
    (folder / "r.jsonl").write_text((json.dumps(request) + "\n") * 3)

    def read(path: Path) -> object:
        return [_tried(lambda v: Request.build(v[1], v[0]), entry) for entry in read_requests(path)]

    return [folder / "r.json", folder / "r.jsonl"], read


def _recipe(folder: Path) -> Case:
    import torch

    from jasco import ChordProgression, Conditions, Euler, Melody
    from jasco.drums import DrumCodes
    from jasco.errors import SettingError
    from jasco.io.plain import read_object
    from jasco.recipe import Recipe

    clip = Conditions(
        text="funk",
        chords=ChordProgression.parse("C:0 Am:1"),
        drums=DrumCodes(torch.arange(100) % 7),
        melody=Melody.from_notes([(60, 0.0, 1.0), (64, 1.0, 2.0)]),
    )
    recipe = Recipe(
        model="demo",
        revision=None,
        seed=7,
        solver=Euler(8).settings(),
        guidance={"all": 2.0},
        duration=2.0,
        dtype="float32",
        device="cpu",
        conditions=clip,
    ).to_dict(100, 50.0)
    (folder / "recipe.json").write_text(json.dumps(recipe))
    return [folder / "recipe.json"], lambda p: Recipe.from_dict(read_object(p, SettingError))


def _manifest(folder: Path) -> Case:
    from jasco.data.manifest import read_manifest

    rows = [{"path": f"{k}.wav", "duration": 3.5, "text": "funk", "bpm": 96} for k in range(4)]
    (folder / "songs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [folder / "songs.jsonl"], read_manifest


def _checkpoint(folder: Path) -> Case:
    import torch
    from runs import new_model

    from jasco import Jasco

    model = new_model("model.codec.config.num_filters=2", "model.network.dim=16")
    model.save_pretrained(folder / "model")
    files = [folder / "model" / n for n in ("config.yaml", "model.safetensors")]
    files += [folder / "model" / "codec" / n for n in ("config.json", "model.safetensors")]
    files += [folder / "model" / "text_encoder" / "config.json"]

    def read(path: Path) -> object:
        with torch.no_grad():
            return Jasco.from_pretrained(folder / "model", device="cpu", dtype="float32")

    return files, read


def _prepared(folder: Path) -> Case:
    from runs import new_model, write_dataset

    from jasco.data.prepared import PreparedDataset

    root = write_dataset(folder / "prepared", new_model().codec, count=2, frames=60)

    def read(path: Path) -> object:
        data = PreparedDataset(root)
        return [_tried(lambda i: data.clip(i, 5, 40), index) for index in range(len(data))]

    return [root / "index.jsonl", *sorted((root / "tracks").iterdir())], read


READERS: dict[str, Callable[[Path], Case]] = {
    "audio": _audio,
    "chord_file": _chord_file,
    "chord_text": _chord_text,
    "checkpoint": _checkpoint,
    "manifest": _manifest,
    "melody": _melody,
    "midi": _midi,
    "prepared": _prepared,
    "recipe": _recipe,
    "request": _request,
}
TEXTS = {".txt", ".lab", ".jams", ".json", ".jsonl", ".yaml"}


def _tried(read: Callable[..., object], value: object) -> object:
    """Result, or the JascoError in its place, so that one refusal hides no other fault."""
    from jasco.errors import JascoError

    try:
        return read(value)
    except JascoError as error:
        return error


def main(reader: str, folder: Path, seed: int, count: int) -> None:
    """Read mutated inputs and print what must not be."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    files, read = READERS[reader](folder)
    originals = {path: path.read_bytes() for path in files}
    present = {path for path in folder.rglob("*")}
    assert not isinstance(_tried(read, files[0]), Exception), "the unchanged input is refused"
    refused = 0
    for number in range(count):
        rng = random.Random(f"{reader} {seed} {number}")
        path = rng.choice(files)
        data = originals[path]
        text = path.suffix in TEXTS and rng.random() < 0.7
        path.write_bytes(mutate_text(data.decode(), rng) if text else mutate(data, rng))
        took = LIMIT + 1
        # A machine that stalls makes any input slow, so one that was is read again.
        for _ in range(3):
            if took <= LIMIT:
                break
            start, failure, was_refused = time.perf_counter(), None, False
            with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
                warnings.simplefilter("ignore")
                try:
                    result = _tried(read, path)
                    results = result if isinstance(result, list) else [result]
                    was_refused = any(isinstance(found, Exception) for found in results)
                except BaseException:
                    failure = traceback.format_exc(limit=-6)
            took = time.perf_counter() - start
        refused += was_refused
        if failure or took > LIMIT:
            kept = folder.parent / f"{reader}-{number}{path.suffix}"
            shutil.copyfile(path, kept)
            said = {
                "number": number,
                "file": path.name,
                "seconds": round(took, 1),
                "kept": str(kept),
            }
            print(json.dumps(said | {"failure": failure}), flush=True)
        path.write_bytes(data)
        for left in {p for p in folder.rglob("*")} - present:
            print(json.dumps({"number": number, "file": path.name, "left": left.name}), flush=True)
            left.unlink()
    print(json.dumps({"read": count, "refused": refused, "peak": peak()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
