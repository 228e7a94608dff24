"""Datasets of synthetic songs, with real renders and a small codec."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
import torch

from jasco.audio import load_audio, load_mono
from jasco.band.dataset import EXACT, synthesize
from jasco.band.folder import MANIFEST, Band
from jasco.checkpoint.codec import CodecSource
from jasco.chords import ChordProgression
from jasco.data.manifest import read_manifest, scan_folder
from jasco.data.prepared import PreparedDataset
from jasco.errors import JascoError, SettingError
from jasco.melody import Melody
from jasco.prepare.executors import Executor, Job, LocalExecutor, Pass
from jasco.prepare.stages.latents import LatentStage

SECONDS = 3.0


class Here(Executor):
    """Works through jobs in this process; ``stop`` ends it after so many, as a kill would."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop

    def run(self, jobs: Sequence[Job], passes: Sequence[Pass]) -> Generator[Job]:
        works = [one.open(torch.device("cpu")) for one in passes]
        for number, job in enumerate(reversed(jobs)):
            if number == self.stop:
                raise KeyboardInterrupt
            for work in works:
                job = job if job.outcome else work(job)
            yield job


@pytest.fixture(scope="module")
def source(codec_folder) -> CodecSource:
    return CodecSource(str(codec_folder))


@pytest.fixture(scope="module")
def band(soundfont, source, tmp_path_factory) -> Band:
    """Five songs, played and labelled at once."""
    band = Band(tmp_path_factory.mktemp("whole") / "band", seed=8, seconds=SECONDS)
    summary = synthesize(band, 5, Here(), codec=source, progress=False)
    assert (summary.songs, summary.played, summary.labelled) == (5, 5, 5)
    return band


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the index, which names the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "index.jsonl"
    }


def test_a_song_has_all_of_its_files(band):
    assert [path.name for path in sorted((band.out / "audio").iterdir())][:2] == [
        "000000.flac",
        "000000.json",
    ]
    for number in range(5):
        song = band.song(number)
        mix, drums = load_audio(band.mix(number)), load_audio(band.drums(number))
        assert mix.samples.shape == drums.samples.shape == (2, round(SECONDS * 32000))
        chords = ChordProgression.load(band.score(number, ".lab"))
        assert chords.names == song.chords.names
        if "lead" in song.parts:
            rows = Melody.from_midi(band.score(number, ".mid"), track="lead").rows()
            assert torch.equal(rows, song.melody().rows()[: len(rows)])


def test_the_manifest_describes_the_songs(band):
    recordings = read_manifest(band.out / MANIFEST)
    assert [recording.path for recording in recordings] == [band.mix(n) for n in range(5)]
    for number, recording in enumerate(recordings):
        assert recording.fields["description"] == band.song(number).description
        assert (band.out / recording.fields["drums"]).is_file()
    beside = scan_folder(band.out / "audio")
    assert [r.fields["description"] for r in beside] == [
        r.fields["description"] for r in recordings
    ]


def test_the_recipe_keeps_the_licence_of_the_soundfont(band):
    recipe = json.loads((band.out / "recipe.json").read_text())
    assert recipe["seed"] == 8 and recipe["seconds"] == SECONDS
    assert len(recipe["soundfont"]["sha256"]) == 64 and recipe["fluidsynth"]
    if recipe["soundfont"]["license"] == "MIT":
        text = (band.out / "soundfont_license.txt").read_text()
        assert "Frank Wen" in text and "Permission is hereby granted, free of charge" in text


@torch.inference_mode()  # as the stages compute: other kernels round near ties to another code
def test_labels_are_exact(band, source):
    data = PreparedDataset(band.out / EXACT)
    assert len(data) == 5 and data.controls == ("chords", "drums", "melody")
    encode = LatentStage(source).open(torch.device("cpu"))
    codec = source.load()
    numbers = {str(band.mix(number)): number for number in range(5)}
    codes = set()
    for index, track in enumerate(data.tracks):
        song = band.song(numbers[track.path])
        frames = round(SECONDS * 50)
        assert track.text == song.description and track.num_frames == frames
        assert track.fields["genre"] == song.facts["genre"]
        clip = data.clip(index, 0, frames)
        found = clip.conditions
        assert torch.equal(found.chords.frames(frames, 50.0), song.chords.frames(frames, 50.0))
        assert torch.equal(found.melody.rows(), song.melody().rows())
        mix = load_mono(track.path)
        assert torch.equal(clip.latents, encode(mix)["latents"].float())
        drums = load_mono(band.drums(numbers[track.path])).samples[None]
        assert torch.equal(found.drums.codes, codec.coarse_codes(drums)[0])
        codes.add(tuple(found.drums.codes.tolist()))
    drummed = sum("drums" in band.song(number).parts for number in range(5))
    assert 2 <= drummed < 5 and len(codes) == drummed + 1  # those without drums are all silent


def test_a_run_that_is_killed_is_finished_by_the_next(band, source, tmp_path):
    """Audio, labels and manifest are the same bytes as those of one run, in any order."""
    other = Band(tmp_path / "other", seed=8, seconds=SECONDS)
    with pytest.raises(KeyboardInterrupt):
        synthesize(other, 5, Here(stop=2), codec=source, progress=False)
    assert not (other.out / MANIFEST).exists()
    other.mix(3).unlink()
    track = next((other.out / EXACT / "tracks").glob("*.safetensors"))
    track.write_bytes(track.read_bytes()[:100])
    summary = synthesize(other, 5, Here(), codec=source, progress=False)
    assert (summary.played, summary.labelled) == (4, 4)
    assert contents(other.out) == contents(band.out)
    summary = synthesize(other, 5, Here(), codec=source, progress=False)
    assert (summary.played, summary.labelled) == (0, 0)


def test_processes_give_the_same_bytes_and_more_songs_come_later(band, source, tmp_path):
    other = Band(tmp_path / "other", seed=8, seconds=SECONDS)
    assert synthesize(other, 2, LocalExecutor(workers=1, device="cpu"), progress=False).played == 2
    assert not (other.out / EXACT).exists()
    summary = synthesize(other, 5, Here(), codec=source, progress=False)
    assert (summary.played, summary.labelled) == (3, 5)
    assert contents(other.out) == contents(band.out)


def test_another_band_is_not_mixed_in(band):
    before = contents(band.out)
    for other in (Band(band.out, seed=5, seconds=SECONDS), Band(band.out, seed=8, seconds=4.0)):
        with pytest.raises(SettingError, match="holds a band of another (seed|seconds)"):
            synthesize(other, 5, Here(), progress=False)
    assert contents(band.out) == before


@pytest.mark.parametrize(("songs", "seconds"), [(0, 3.0), (2, 0.5), (-1, 3.0)])
def test_nothing_to_play(soundfont, tmp_path, songs, seconds):
    with pytest.raises(SettingError, match="at least one"):
        synthesize(Band(tmp_path / "band", seconds=seconds), songs, Here(), progress=False)
    assert not (tmp_path / "band").exists()


def test_a_song_that_cannot_be_played_ends_the_run(soundfont, tmp_path):
    band = Band(tmp_path / "band", seconds=SECONDS)
    band.begin()
    band.drums(1).mkdir()  # in the way of the file
    with pytest.raises(JascoError, match="song 1: .*cannot write"):
        synthesize(band, 2, Here(), progress=False)
    assert not (band.out / MANIFEST).exists()
