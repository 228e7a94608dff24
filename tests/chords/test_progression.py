from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from jasco.chords import CHORD_INDEX, CHORD_NAMES, ChordProgression
from jasco.errors import ChordError, SettingError


def names_of(frames: torch.Tensor) -> list[str]:
    return [CHORD_NAMES[index] for index in frames.tolist()]


@pytest.mark.parametrize("model", ["chords-drums", "chords-drums-melody"])
def test_frames_equal_those_of_the_original(shared: Path, model: str) -> None:
    golden = json.loads((shared / "parity" / f"golden-{model}.json").read_text())
    expected = load_file(shared / "parity" / f"golden-{model}.safetensors")["frame_chords"]
    frames = ChordProgression.parse(golden["chords"]).frames(500, 50.0)
    assert frames.dtype == torch.int64
    assert torch.equal(frames, expected.long())


def test_an_onset_on_a_frame_belongs_to_it() -> None:
    for frame in range(1, 500):
        for onset in (frame / 50, frame * 0.02, float(Fraction(frame, 50)), sum([0.02] * frame)):
            frames = ChordProgression(("C",), (onset,)).frames(500, 50.0)
            assert (frames == 0).sum() == frame


def test_before_the_first_onset_there_is_no_chord() -> None:
    frames = ChordProgression.from_pairs([("C", 0.05), ("G", 0.1)]).frames(8, 50.0)
    assert names_of(frames) == ["N", "N", "N", "C", "C", "G", "G", "G"]


@given(
    onsets=st.lists(st.integers(0, 9999), min_size=1, max_size=20, unique=True).map(sorted),
    rate=st.sampled_from([10.0, 43.0664, 50.0, 75.0]),
    data=st.data(),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_frames_against_the_closed_form(
    onsets: list[int], rate: float, data: st.DataObject
) -> None:
    names = [data.draw(st.sampled_from(CHORD_NAMES)) for _ in onsets]
    num_frames = math.ceil(10 * rate)
    frames = ChordProgression(tuple(names), tuple(o / 1000 for o in onsets)).frames(
        num_frames, rate
    )
    exact = Fraction(rate).limit_denominator(10**6)
    for index, got in enumerate(names_of(frames)):
        sounding = [
            n for n, o in zip(names, onsets, strict=True) if Fraction(o, 1000) * exact <= index
        ]
        assert got == (sounding[-1] if sounding else "N")


def test_chords_after_the_end_are_left_out() -> None:
    progression = ChordProgression.parse("C | G | Am | F | C | G", bpm=120)
    assert names_of(progression.frames(500, 50.0))[-1] == "C"
    assert len(progression.frames(501, 50.0)) == 501
    assert progression.fit(10.0) == progression.crop(0, 10)
    assert progression.fit(12.0) is progression
    with pytest.raises(ChordError, match="C, the first chord, begins at 1 s.* is 1 s long"):
        ChordProgression.parse("C:1 G:2").frames(50, 50.0)
    assert names_of(ChordProgression.parse("C:0.98 G:2").frames(50, 50.0)) == ["N"] * 49 + ["C"]


# pairs, end, loop -> what is said of a clip of 10 s at 50 Hz
NOTICES = [
    ([("C", 0), ("F", 4)], None, False, None),
    ([("C", 0), ("F", 4)], 10.0, False, None),
    ([("C", 0), ("F", 4)], 9.99, False, None),
    ([("C", 0), ("F", 4)], 9.98, False, "9.98 s given, F held to 10.00 s"),
    ([("C", 0), ("F", 4)], 8.0, True, "8.00 s given, repeated to 10.00 s"),
    ([("C", 0), ("F", 4)], 12.0, False, None),
    ([("C", 0), ("F", 4)], 12.0, True, None),
    ([("C", 0), ("F", 10)], None, False, "the first 10.00 s used, 1 of 2 chords: raise bpm"),
    ([("C", 10), ("F", 12)], None, False, None),
    ([("C", 0), ("F", 10)], 12.0, True, "12.00 s given, the first 10.00 s used, 1 of 2 chords"),
]


@pytest.mark.parametrize("pairs, end, loop, told", NOTICES)
def test_what_is_said_of_another_length(
    pairs: list[tuple[str, float]], end: float | None, loop: bool, told: str | None
) -> None:
    names, onsets = zip(*pairs, strict=True)
    notice = ChordProgression(names, onsets, end, loop=loop).notice(500, 50.0)
    assert notice is None if told is None else notice is not None and notice.startswith(told)


def test_a_loop_begins_again() -> None:
    loop = ChordProgression(("C", "F"), (0.0, 3.0), 4.0, loop=True, bars=(0.0, 2.0))
    fitted = loop.fit(10.0)
    assert fitted.pairs() == [("C", 0), ("F", 3), ("C", 4), ("F", 7), ("C", 8)]
    assert fitted.bars == (0, 2, 4, 6, 8)
    assert (fitted.end, fitted.loop) == (10.0, False)
    assert torch.equal(loop.frames(500, 50.0), fitted.frames(500, 50.0))
    assert torch.equal(loop.frames(150, 50.0), torch.full((150,), CHORD_INDEX["C"]))
    assert loop.crop(5, 9).pairs() == [("C", 0), ("F", 2), ("C", 3)]
    later = loop.crop(5)
    assert later.loop and later.end == 4.0
    assert later.frames(250, 50.0).tolist() == loop.frames(500, 50.0)[250:].tolist()
    with pytest.raises(ChordError, match="a loop needs an end"):
        ChordProgression(("C",), (0.0,), loop=True)
    with pytest.raises(ChordError, match="at most 100,000"):
        loop.fit(1e9)


@pytest.mark.parametrize("size", [(0, 50.0), (-1, 50.0), (500, 0.0), (500, math.nan)])
def test_frames_of_no_clip(size: tuple[int, float]) -> None:
    with pytest.raises(SettingError, match="positive"):
        ChordProgression(("C",), (0.0,)).frames(*size)


def test_a_progression_is_a_value() -> None:
    one = ChordProgression.from_pairs([("Db", 0), ("Am", np.float32(2.5))], end=5)
    two = ChordProgression(("C#", "Am"), (0.0, 2.5), end=5.0)
    assert one == two and hash(one) == hash(two) and one.notices != two.notices
    assert one != ChordProgression(("C#", "Am"), (0.0, 2.5))
    assert ChordProgression.from_pairs(one.pairs(), end=one.end) == one


def test_unsorted_pairs_are_sorted_and_it_is_said() -> None:
    progression = ChordProgression.from_pairs([("Am", 2), ("Csus4", 0), ("F", 4)])
    assert progression.pairs() == [("C", 0.0), ("Am", 2.0), ("F", 4.0)]
    assert progression.notices == ("Csus4 -> C (dropped: sus4)", "sorted by onset")


@pytest.mark.parametrize(
    "onset", [-0.1, math.nan, math.inf, -math.inf, "soon", None, True, 10**400]
)
def test_an_onset_that_is_no_time(onset: object) -> None:
    with pytest.raises(ChordError, match="'Am' at entry 1") as caught:
        ChordProgression.from_pairs([("C", 0.0), ("Am", onset)])  # type: ignore[list-item]
    assert (caught.value.position, caught.value.token) == (1, "Am")


@pytest.mark.parametrize(
    "pairs, position",
    [
        ([], 0),
        (None, 0),
        (5, 0),
        ({"C": 0.0}, 0),
        ([("C", 0.0), "Am"], 1),
        ([("C", 0.0), ("Am",)], 1),
        ([("C", 0.0), (2.0, "Am")], 1),
        ([("C", 0.0), ("Foo", 2.0)], 1),
    ],
)
def test_lists_that_are_no_progression(pairs: object, position: int) -> None:
    with pytest.raises(ChordError) as caught:
        ChordProgression.parse(pairs)  # type: ignore[arg-type]
    assert caught.value.position == position


@pytest.mark.parametrize(
    "names, onsets, end",
    [
        ((), (), None),
        (("C",), (0.0, 1.0), None),
        (("Db",), (0.0,), None),
        (("C", "G"), (1.0, 0.0), None),
        (("C",), (math.nan,), None),
        (("C",), (2.0,), 1.0),
        (("C",), (2.0,), math.inf),
    ],
)
def test_the_constructor_checks(
    names: tuple[str, ...], onsets: tuple[float, ...], end: float | None
) -> None:
    with pytest.raises(ChordError) as caught:
        ChordProgression(names, onsets, end)
    assert caught.value.position is not None


def test_crop_keeps_what_sounds() -> None:
    progression = ChordProgression.from_pairs([("C", 1), ("Am", 3), ("F", 5)], end=8)
    assert progression.crop(2, 6).pairs() == [("C", 0.0), ("Am", 1.0), ("F", 3.0)]
    assert progression.crop(2, 6).end == 4.0
    assert progression.crop(0, 3).pairs() == [("C", 1.0)]
    assert progression.crop(3, 20).pairs() == [("Am", 0.0), ("F", 2.0)]
    assert progression.crop(3, 20).end == 5.0
    assert progression.crop(0, 0.5).names == progression.crop(9, 12).names == ("N",)
    whole, part = progression.frames(400, 50.0), progression.crop(2, 6).frames(200, 50.0)
    assert torch.equal(whole[100:300], part)
    assert progression.crop(4).pairs() == [("Am", 0.0), ("F", 1.0)]
    assert progression.crop(4).end == 4.0
    for start, end in [(-1, 2), (2, 2), (3, 1), (math.nan, 1), (0, math.inf)]:
        with pytest.raises(SettingError, match="crop"):
            progression.crop(start, end)


def check(text: str, **options: object) -> ChordError | None:
    """Reading gives a valid progression or a `ChordError` that says where; nothing else."""
    try:
        progression = ChordProgression.parse(text, **options)  # type: ignore[arg-type]
    except ChordError as error:
        assert isinstance(error.position, int)
        assert 0 <= error.position <= len(text)
        assert len(str(error)) < 500
        if error.suggestion and ":" not in error.suggestion and "," not in error.suggestion:
            key = options.get("key")
            try:
                ChordProgression.parse(f"{error.suggestion} |", bpm=60, key=key)  # type: ignore[arg-type]
            except ChordError as second:
                assert error.suggestion in "%.4/4" and second.position is not None
        return error
    assert set(progression.names) <= set(CHORD_INDEX)
    assert list(progression.onsets) == sorted(progression.onsets)
    return None


OPTIONS = st.fixed_dictionaries(
    {
        "bpm": st.sampled_from([None, 100, 61.8]),
        "key": st.sampled_from([None, "C", "F# minor"]),
        "time_signature": st.sampled_from(["4/4", "6/8"]),
    }
)
PIECES = st.sampled_from(
    "C D E F G A B H c b # ♭ ♯ m maj min dim aug sus sus4 add9 ° ø △ ^ + - – 6 7 9 11 13 7 b5 #9 "
    "/ /B /3 /b7 : :0 :2.5 :7 | |: :| % . , ; ( ) [ ] [Verse] (9,11) I V vi VII N N.C. X UNK "
    "C:maj7/3 Am7 F#m7b5 G/B (C, 0.0) 1 5/7 6- \" ' \\ \n ｜ 𝄫 _ 1e999 nan".split(" ")
    + [" ", " ", "\t"]
)


@given(text=st.text(max_size=60), options=OPTIONS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_read_or_refused(text: str, options: dict[str, object]) -> None:
    check(text, **options)


@given(pieces=st.lists(PIECES, max_size=14), options=OPTIONS)
@settings(max_examples=700, deadline=None, derandomize=True)
def test_any_chord_like_text_is_read_or_refused(
    pieces: list[str], options: dict[str, object]
) -> None:
    check("".join(pieces), **options)


def test_two_hundred_progressions_with_a_slip_of_the_keys() -> None:
    """Random deletions, insertions and swaps in good text; most are noticed, none crashes."""
    draw = random.Random(0)
    good = "[Verse] C Am7 | F#m7b5 G/B | % | Dbmaj7 C:maj7/3 . N.C. | E7sus4"
    noticed = 0
    for _ in range(200):
        text = list(good)
        for _ in range(3):
            where = draw.randrange(len(text))
            text[where : where + draw.randint(0, 2)] = draw.choice(
                ["", "x", "#", "♭", "7", "|", "H"]
            )
        noticed += check("".join(text), bpm=100) is not None
    assert 100 < noticed < 200


@pytest.mark.parametrize(
    "unit", ["(", "[", "|", "C", "C|", "C:0 ", "(C,0)", "b", "/", ":", "%|", " "]
)
def test_long_texts_take_no_long_time(unit: str) -> None:
    check(unit * 5000, bpm=100)
    check("(" + unit * 5000, bpm=100)
