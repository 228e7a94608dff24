"""Provenance marks: where they stand, what removes them, and what conversions leave of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import soundfile
import torch

from jasco.audio import load_audio, read_mark, read_recipe, riff, save_audio, tags
from jasco.audio.marks import EDITED, GENERATED, TAG, VOCABULARY, source_type
from jasco.errors import AudioError, SettingError

RATE = 32000
NAME = VOCABULARY + GENERATED
SUFFIXES = ("wav", "flac", "mp3", "ogg")
NOISE = torch.rand(2, RATE, generator=torch.Generator().manual_seed(0)) - 0.5

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed"
)


def save(folder: Path, suffix: str, **options) -> Path:
    return save_audio(folder / f"a.{suffix}", NOISE, RATE, loudness=None, **options)


def stated(path: Path) -> str | None:
    found = read_mark(path)
    return None if found is None else found[0]


def tags_of(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return dict(tags.read_tags(file))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_mark_stays_without_a_recipe_and_goes_only_when_asked(
    tmp_path: Path, suffix: str
) -> None:
    assert stated(save(tmp_path, suffix)) is None  # audio of unknown origin
    assert stated(save(tmp_path, suffix, recipe={"seed": 7})) == GENERATED
    path = save(tmp_path, suffix, mark=True)
    assert stated(path) == GENERATED and read_recipe(path) is None
    path = save(tmp_path, suffix, recipe={"seed": 7}, mark=False)
    assert stated(path) is None and read_recipe(path) == {"seed": 7}
    assert VOCABULARY.encode() not in path.read_bytes()
    assert stated(save(tmp_path, suffix, mark=EDITED)) == EDITED


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_marked_file_sounds_as_before_and_recipes_are_the_same(
    tmp_path: Path, suffix: str
) -> None:
    recipe = {"seed": 7, "text": "déjà ♫" * 40_000}  # several pages of Ogg
    plain = load_audio(save(tmp_path, suffix, mark=False)).samples
    path = save(tmp_path, suffix, recipe=recipe, tags={"BPM": "96.5", "TITLE": "für ♫"})
    assert torch.equal(load_audio(path).samples, plain)
    assert soundfile.info(path).frames == RATE
    assert read_recipe(path) == recipe and stated(path) == GENERATED
    if suffix != "wav":
        assert ("96.5", "für ♫") == tuple(
            text for name, text in tags_of(path).items() if name in ("bpm", "tbpm", "title")
        )


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_the_tag_of_its_own_and_the_comment_name_the_type(tmp_path: Path, suffix: str) -> None:
    found = tags_of(save(tmp_path, suffix, mark=True))
    assert found[TAG.lower()] == NAME
    assert found["comm" if suffix == "mp3" else "comment"].endswith(NAME)


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_xmp_states_the_type_as_the_iptc_does(tmp_path: Path, suffix: str) -> None:
    packet = tags_of(save(tmp_path, suffix, mark=True))["xmp"]
    begin, end = packet.index("<x:xmpmeta"), packet.index("<?xpacket end")
    (description,) = ElementTree.fromstring(packet[begin:end]).iter(
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    key = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    assert description.get(key) == NAME


def test_the_chunks_of_a_marked_wav_are_whole(tmp_path: Path) -> None:
    path = save(tmp_path, "wav", recipe={"seed": 7})
    with path.open("rb") as file:
        names = [name for name, _ in riff.chunks(file)]
    assert names[-2:] == [b"_PMX", b"LIST"]
    assert json.loads((tmp_path / "a.json").read_text()) == {"seed": 7}


@needs_ffmpeg
@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", ["wav", "flac", "mp3", "m4a", "ogg", "mka"])
def test_a_mark_is_found_after_ffmpeg(tmp_path: Path, source: str, target: str) -> None:
    path = save(tmp_path, source, mark=True)
    options = ["-map_metadata", "0:s:0"] if source == "ogg" else []
    options += ["-c", "copy"] if source == target else []
    other = tmp_path / f"b.{target}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, *options, other], check=True)
    assert stated(other) == GENERATED


@needs_ffmpeg
def test_ffprobe_reads_the_tags(tmp_path: Path) -> None:
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "json"]
    given = {"BPM": "96.5", "INITIALKEY": "Am", "KEY": "Am"}
    for suffix, names in (
        ("mp3", ("TBPM", "TKEY")),
        ("flac", ("BPM", "INITIALKEY", "KEY")),
        ("ogg", ("BPM", "INITIALKEY", "KEY")),
    ):
        path = save(tmp_path, suffix, mark=True, tags=given)
        said = json.loads(subprocess.run([*command, path], capture_output=True, check=True).stdout)
        found = said["format"].get("tags") or said["streams"][0]["tags"]
        assert found[TAG] == NAME
        assert {name: found[name] for name in names} == dict(
            zip(names, ("96.5", "Am", "Am"), strict=False)
        )
        assert ("id3v2_priv.XMP" in found) == (suffix == "mp3")


def test_the_type_of_an_edit_is_that_of_its_source() -> None:
    def edit_of(recipe, **more):
        source = {"path": "a.wav", "fingerprint": "f", "recipe": recipe, **more}
        return {"seed": 1, "song": {"kind": "edit", "source": source}}

    take = {"seed": 7, "song": {"kind": "loop"}}
    assert source_type(take) == source_type(edit_of(take)) == GENERATED
    assert source_type(edit_of(None)) == source_type(edit_of(edit_of(None))) == EDITED
    assert source_type(edit_of(None, mark=GENERATED)) == GENERATED
    assert source_type(edit_of(None, mark=EDITED)) == EDITED
    assert source_type(edit_of(None, mark="digitalCapture")) == EDITED
    assert source_type({"song": {"source": "?"}}) == source_type({"song": []}) == GENERATED


def test_the_song_of_the_documentation_is_marked() -> None:
    assert stated(Path(__file__).parents[2] / "docs/images/song.mp3") == GENERATED


def test_what_is_no_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="mark is 'two words': give true, false, or"):
        save(tmp_path, "wav", mark="two words")
    with pytest.raises(AudioError, match=r"gone\.wav"):
        read_mark(tmp_path / "gone.wav")
    (tmp_path / "note.flac").write_text(NAME)
    with pytest.raises(AudioError, match=r"note\.flac"):
        read_mark(tmp_path / "note.flac")
