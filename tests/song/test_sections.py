"""Texts of sections: shares of each frame, what each part is conditioned on, and refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from jasco import ChordProgression, Conditions, Guidance, Jasco
from jasco.errors import ConditionError, JascoError
from jasco.recipe import Recipe
from jasco.song.edit import Edit
from jasco.song.sections import Section, plain_sections, read_sections, sections_of, spans_of
from jasco.song.take import Take
from jasco.song.texts import TakeTexts
from jasco.song.velocity import SongVelocity
from jasco.song.windows import FADE, Windows

PLAIN = Guidance(all=1.0)
SECTIONS = [{"bars": "1-3", "text": "sparse verse"}, {"bars": "4-6", "text": "full chorus"}]


@pytest.mark.parametrize("total, size", [(900, 500), (400, 500), (2000, 500)])
def test_each_frame_has_shares_of_its_texts_that_sum_to_one(total: int, size: int) -> None:
    windows = Windows.line(total, size).with_texts([(100, 220), (300, total)], first=4)
    shares = torch.zeros(3, total)
    for frames, weights, text in zip(windows.frames, windows.weights, windows.texts, strict=True):
        shares[text - 4].index_put_((frames,), weights, accumulate=True)
    torch.testing.assert_close(shares.sum(0), torch.ones(total))
    assert (shares >= 0).all() and (shares.diff(dim=1).abs() < 0.05).all()
    half = FADE // 2 + 1
    assert (shares[0, : 100 - half] == 1).all() and (
        shares[1, 100 + half : 220 - half] > 0.999
    ).all()
    assert (shares[2, 300 + half :] > 0.999).all()


def test_windows_that_touch_one_text_are_not_computed_twice() -> None:
    windows = Windows.line(2000, 500).with_texts([(0, 1000), (1000, 2000)], first=0)
    assert len(Windows.line(2000, 500)) + 2 >= len(windows) > len(Windows.line(2000, 500))


def test_the_velocity_of_a_section_is_that_of_its_text(tiny: Jasco) -> None:
    """A field that is its text: in a section's middle it is the section's alone."""
    from jasco.song.texts import with_sections

    clip = Conditions("a", chords=[("C", 0.0)])
    spans = [(2.0, 6.0, "b"), (6.0, 12.0, "c")]
    windows, texts = with_sections(tiny, [clip], [Windows.line(600, 500)], [spans])
    assert [tiny.encode([Conditions(t)], 1).controls["text"].values.shape[0] for t in "abc"] == [
        1
    ] * 3

    def field(part, guidance):
        return lambda t, z: (
            part.controls["text"].values[:, :1, :1].expand(-1, z.shape[1], z.shape[2])
        )

    velocity = SongVelocity(field, tiny.encode([clip], 600), windows, 8, [PLAIN], texts)
    found = velocity(torch.tensor(0.0), torch.zeros(1, 600, 2))[0, :, 0]
    for frame, text in ((30, "a"), (200, "b"), (500, "c")):
        own = tiny.encode([Conditions(text)], 1).controls["text"].values[0, 0, 0]
        torch.testing.assert_close(found[frame], own, rtol=0, atol=1e-4)


def test_one_text_for_all_sections_is_that_text(tiny: Jasco) -> None:
    clip = Conditions("funk", chords=[("C", 0.0)])
    settings = {"seed": 1, "steps": 2, "duration": 12.0}
    parts = [{"seconds": "0:5", "text": "funk"}, {"seconds": [5, 12], "text": "funk"}]
    plain, same = (tiny.generate(clip, sections=s, **settings) for s in (None, parts))
    torch.testing.assert_close(same.latents, plain.latents, rtol=0, atol=1e-4)
    other = tiny.generate(clip, sections=["0:5=jazz"], **settings)
    assert (other.latents - plain.latents)[0, :200].abs().max() > 1e-3


def test_sections_in_bars_of_each_clip(tiny: Jasco) -> None:
    clips = [Conditions(chords=ChordProgression.parse("C F", bpm=bpm)) for bpm in (120, 240)]
    out = tiny.generate(clips, seed=[1, 2], steps=1, duration=12.0, sections=SECTIONS)
    assert out.recipe[0]["song"]["sections"] == [
        [0.0, 6.0, "sparse verse"],
        [6.0, 12.0, "full chorus"],
    ]
    assert out.recipe[1]["song"]["sections"][1][:2] == [3.0, 6.0]
    recipe = Recipe.from_dict(out.recipe[0])
    again = tiny.generate(
        recipe.conditions, seed=1, steps=1, duration=12.0, sections=sections_of(recipe.song)
    )
    torch.testing.assert_close(again.latents[0], out.latents[0], rtol=0, atol=1e-4)


def test_forms_of_a_section() -> None:
    assert Section.of("1-8=verse") == Section.of({"bars": "1-8", "text": "verse"})
    assert Section.of("0:16=a=b") == Section("a=b", seconds=(0.0, 16.0))
    assert sections_of(plain_sections([(0.0, 2.5, "x")])) == [{"seconds": [0.0, 2.5], "text": "x"}]
    with pytest.raises(ConditionError, match="has sections"):
        sections_of({"sections": [[1, "x"]]})


@pytest.mark.parametrize(
    "sections, message",
    [
        ([], "give a list"),
        ("1-8=a", "give a list"),
        ([{"bars": "1-8"}], "a section is"),
        ([{"bars": "1", "seconds": "1:2", "text": "a"}], "a section is"),
        ([{"bars": "1", "text": 3}], "a section is"),
        (["1,3=a"], "several ranges"),
        (["0:2="], "the section 0:2 has no text"),
        ([{"bars": "1-2", "text": " "}], "has no text"),
        (["0:5=a", "4:8=b"], "overlap"),
        (["0:50=a"], "ends after the song"),
        (["1-8=a"], "the song states none"),
    ],
)
def test_refusals(tiny: Jasco, sections, message: str) -> None:
    with pytest.raises(JascoError, match=message):
        tiny.generate("a", sections=sections, duration=12.0)


def test_overlapping_bars(tiny: Jasco) -> None:
    clip = Conditions(chords=ChordProgression.parse("C F", bpm=120))
    with pytest.raises(JascoError, match="overlap"):
        spans_of(["1-3=a", "3-4=b"], clip, 12.0)
    assert read_sections(["1-3=a", "3-4=b"])


def test_edits_have_the_texts_of_the_sections_of_their_ranges(tiny: Jasco, tmp_path) -> None:
    """A text without effect outside its section: the range of another section is as without it."""
    clip = Conditions("funk", chords=[("C", 0.0)])
    short = {"seed": 1, "steps": 2}
    takes = [
        tiny.generate(clip, sections=["2:6=jazz", f"6:12={last}"], duration=12.0, **short)
        for last in ("jazz", "metal")
    ]
    texts = [
        TakeTexts.of(tiny, Take.of(take), Conditions(), Edit("edit", ((7.0, 9.0),)))
        for take in takes
    ]
    assert texts[1].spans == [(100, 300), (300, 600)]
    # Only the recipe differs: one take, edited as if it had the sections of either.
    other = replace(takes[0], recipe=takes[1].recipe)
    for ranges, equal in (([(9.0, 11.0)], False), ([(3.0, 3.5)], True)):
        first, second = (
            tiny.edit(take, Conditions(chords=[("F", 0.0)]), ranges=ranges, **short).latents
            for take in (takes[0], other)
        )
        part = slice(*(round(50 * edge) for edge in ranges[0]))
        changed = (first - second)[0, part].abs().max() > 1e-3
        assert bool(changed) is not equal
    # A new text is that of the range.
    assert (
        TakeTexts.of(tiny, Take.of(other), Conditions("new"), Edit("edit", ((0.0, 1.0),))) is None
    )
    free = Edit("edit", ((0.0, 1.0),), keep=("drums",))
    assert TakeTexts.of(tiny, Take.of(other), Conditions(), free) is None
    # The last section goes on, also in an edit of an edit and of a file.
    before = tiny.extend(other, duration=1.0, before=True, **short)
    after = Edit("continue", ((13.0, 15.0),), (0.0, 2.0))
    found = TakeTexts.of(tiny, Take.of(before), Conditions(), after)
    assert found.spans == [(150, 350), (350, 750)]
    (path,) = other.save(tmp_path / "song.flac")
    steps: list[tuple[int, int]] = []
    edited = tiny.edit(
        path,
        ranges=[(1.0, 1.5), (8.0, 9.0)],
        guidance="all=1@0:6,2@6:12",
        callback=lambda *step: steps.append(step),
        **short,
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert edited.duration == 12.0
