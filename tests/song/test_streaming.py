"""Streams of songs: what is final when, blocks and files, the end of the work, and refusals."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import pytest
import soundfile
import torch

from jasco import Conditions, Jasco
from jasco.audio import read_recipe
from jasco.audio.level import CEILING
from jasco.errors import AudioError, JascoError, SettingError
from jasco.recipe import Recipe
from jasco.song.streaming import CONTEXT, SongStream
from jasco.song.windows import Windows

SHORT = {"seed": 3, "steps": 2, "stream": True}
CLIP = Conditions("funk", chords=[("C", 0.0), ("F", 9.0)])


@pytest.fixture(scope="module")
def demo() -> Jasco:
    return Jasco.from_pretrained("demo", device="cpu")


def samples(stream) -> torch.Tensor:
    return torch.cat([block.samples for block in stream], 1)


def test_the_first_window_is_the_clip_and_the_whole_is_decoded_without_a_seam(tiny: Jasco) -> None:
    stream = tiny.generate(CLIP, duration=20.0, **SHORT)
    latents = torch.cat(list(stream.latents()), 1)
    clip = tiny.generate(CLIP, duration=10.0, seed=3, steps=2)
    assert torch.equal(latents[:, :500], clip.latents)
    audio = samples(stream)
    assert audio.shape == (1, stream.samples) == (1, 20 * 32000) and stream.duration == 20.0
    whole = tiny.codec.decode(latents)[0]
    torch.testing.assert_close(audio, whole, rtol=0, atol=1e-5)
    assert torch.equal(audio, samples(tiny.generate(CLIP, duration=20.0, **SHORT)))


def test_what_comes_later_changes_nothing_before_its_window(tiny: Jasco) -> None:
    first, second = (
        torch.cat(list(tiny.generate(clip, duration=20.0, **SHORT).latents()), 1)[0]
        for clip in (CLIP, Conditions("funk", chords=[("C", 0.0), ("F", 9.0), ("G", 18.0)]))
    )
    ends = Windows.line(1000, 500, overlap=CONTEXT).frames[:, -1] + 1
    final = int(max(end for end in ends if end <= 900))
    changed = (first - second).abs().amax(1) > 1e-6
    assert final >= 800 and not changed[:final].any() and changed[final:].all()


def test_a_window_is_given_the_frames_before_it(tiny: Jasco) -> None:
    """Another first chord changes the third window, which no longer shares a frame with it."""
    one, other = (
        list(
            tiny.generate(
                Conditions(chords=[(name, 0.0), ("F", 2.0)]), duration=20.0, **SHORT
            ).latents()
        )
        for name in ("C", "G#m")
    )
    assert len(one) == 3 and (one[2] - other[2]).abs().max() > 1e-6


@pytest.mark.parametrize("by", ["stream", "blocks", "file"])
def test_closing_ends_the_work(tiny: Jasco, by: str) -> None:
    rows: list[int] = []
    stream = tiny.generate("funk", duration=30.0, **SHORT)
    with tiny.network.register_forward_pre_hook(lambda module, args: rows.append(1)):
        if by == "file":

            class Closed(io.BytesIO):
                def write(self, data: bytes) -> int:
                    raise BrokenPipeError

            with pytest.raises(BrokenPipeError):
                stream.save(Closed())
        else:
            blocks = stream if by == "stream" else stream.normalized()
            next(blocks)
            blocks.close()
        assert len(rows) == 2  # the steps of one window of four
        assert list(stream) == [] and len(rows) == 2


def test_the_first_block_takes_one_window_of_eight(tiny: Jasco) -> None:
    steps: list[tuple[int, int]] = []
    stream = tiny.generate(
        "funk", duration=60.0, callback=lambda *step: steps.append(step), **SHORT
    )
    next(stream)
    assert steps == [(1, 16), (2, 16)]
    stream.close()


def test_a_file_is_the_normalized_blocks_and_holds_its_recipe(tiny: Jasco, tmp_path: Path) -> None:
    settings = {"duration": 12.0, "sections": ["0:5=verse"], **SHORT}
    path = tiny.generate(CLIP, **settings).save(tmp_path / "song.wav", loudness=-20.0)
    stream = tiny.generate(CLIP, **settings)
    blocks = samples(stream.normalized(-20.0))
    assert stream.gain(-20.0) == pytest.approx(min(-20.0 - stream.level, 30.0))
    assert blocks.abs().max() <= CEILING
    written = soundfile.read(path, dtype="float32")[0]
    torch.testing.assert_close(torch.from_numpy(written)[None], blocks, rtol=0, atol=2**-23)
    plain = read_recipe(path)
    assert plain == stream.recipe | {"loudness": -20.0} == read_recipe(path.with_suffix(".wav"))
    assert Recipe.from_dict(plain).song == {
        "kind": "stream",
        "sections": [[0.0, 5.0, "verse"]],
    }
    pipe = io.BytesIO()
    assert tiny.generate(CLIP, **settings).save(pipe, loudness=-20.0) is None
    assert pipe.getvalue() == path.read_bytes()
    raw = tiny.generate("a", duration=1.0, **SHORT).save(
        tmp_path / "raw.wav", loudness=None, recipe=False
    )
    assert read_recipe(raw) is None


def test_a_file_that_ends_early_is_whole(tiny: Jasco, tmp_path: Path) -> None:
    def stop(step: int, total: int) -> None:
        if step == 3:
            raise KeyboardInterrupt

    stream = tiny.generate("funk", duration=30.0, callback=stop, **SHORT)
    with pytest.raises(KeyboardInterrupt):
        stream.save(tmp_path / "song.wav")
    info = soundfile.info(tmp_path / "song.wav")
    assert 3.0 < info.duration < 10.0
    assert read_recipe(tmp_path / "song.wav")["duration"] == 30.0
    size = (tmp_path / "song.wav").stat().st_size
    assert int.from_bytes((tmp_path / "song.wav").read_bytes()[4:8], "little") == size - 8


def test_texts_of_sections(tiny: Jasco) -> None:
    """Sections of one text are the song of that text; another text changes its own frames."""
    plain, same, other, third = (
        torch.cat(list(tiny.generate("funk", duration=15.0, sections=parts, **SHORT).latents()), 1)
        for parts in (None, ["0:5=funk", "5:15=funk"], ["12:15=jazz"], ["12:15=rock"])
    )
    torch.testing.assert_close(same, plain, rtol=0, atol=1e-4)
    # Some CPUs round a batch of two texts otherwise than one text: equal bits at equal sizes.
    assert torch.equal(other[:, :500], third[:, :500])
    torch.testing.assert_close(other[:, :500], plain[:, :500], rtol=0, atol=1e-5)
    assert (other - plain)[:, 650:].abs().max() > 1e-3


@pytest.mark.parametrize(
    "conditions, settings, message",
    [
        (["a", "b"], {}, "one take of one clip"),
        ("a", {"noise": torch.zeros(1, 500, 128)}, "draws its noise itself"),
        ("a", {"num_samples": 2}, "leave num_samples out"),
        ("a", {"duration": 1e9}, "duration"),
        ("a", {"sections": ["0:50=b"]}, "ends after"),
    ],
)
def test_refusals(tiny: Jasco, conditions, settings, message: str) -> None:
    with pytest.raises(JascoError, match=message):
        tiny.generate(conditions, stream=True, **settings)


def test_files_that_are_no_wav_are_refused(tiny: Jasco, tmp_path: Path) -> None:
    stream = tiny.generate("a", duration=1.0, **SHORT)
    with pytest.raises(AudioError, match=r"give a \.wav file"):
        stream.save(tmp_path / "song.flac")
    with pytest.raises(SettingError, match="callback"):
        next(tiny.generate("a", callback=3, **SHORT))


def test_a_long_song_of_the_demo_keeps_its_level(demo: Jasco) -> None:
    """Windows that are given their past neither fade nor grow, and silence has no gain."""
    clip = Conditions("jazz trio, piano", chords="C Am F G", bpm=96)
    stream = demo.generate(clip, duration=35.0, seed=3, stream=True)
    assert isinstance(stream, SongStream)
    audio = torch.cat([block.samples for block in stream.normalized()], 1)[0]
    levels = 10 * audio.view(7, -1).square().mean(1).log10()
    assert levels.max() - levels.min() < 6  # dB, measured: 2.5
    assert (levels[-3:].mean() - levels[:3].mean()).abs() < 3
    assert len(list(islice(stream, 1))) == 0
