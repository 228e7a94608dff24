"""Charts of any size are read or refused quickly, and nothing large is made before."""

from __future__ import annotations

import itertools
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jasco.chords import CHORD_NAMES, ChordProgression
from jasco.errors import ChordError

parse = ChordProgression.parse
LARGE: dict[str, Callable[[], object]] = {
    "100 MB of chart": lambda: parse("C | " * 25_000_000, bpm=100),
    "100,001 chords": lambda: parse("C " * 99_999 + "%%", bpm=100),
    "holds": lambda: parse("C" + "." * 199_000, bpm=100),
    "repeats of a full bar": lambda: parse("C " * 1000 + "|%" * 1000, bpm=100),
    "sections of sections": lambda: parse("[V x100]" + "C|" * 2000, bpm=100),
    "ten million pairs": lambda: parse(itertools.repeat(("C", 0.0), 10**7)),
    "a long symbol": lambda: parse("C" + "(9)" * 60_000 + " |", bpm=100),
    "a loop of a day": lambda: parse("C G", bpm=600, time_signature="1/32").fit(86_400.0),
    "many names": lambda: ChordProgression(("C",) * 200_000, (0.0,) * 200_000),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_refused(name: str) -> None:
    started = time.process_time()
    with pytest.raises(ChordError) as caught:
        LARGE[name]()
    assert time.process_time() - started < 5
    assert len(str(caught.value)) < 500


def test_what_is_refused_is_not_kept_in_memory() -> None:
    tracemalloc.start()
    with pytest.raises(ChordError, match="at most 100,000"):
        parse(itertools.repeat(("C", 0.0), 10**9))
    with pytest.raises(ChordError, match="at most 100,000"):
        parse("C Am", bpm=100).fit(1e12)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".lab", ".txt", ".json", ".jams"])
def test_files_that_are_too_large(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"song{suffix}"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(ChordError, match="is larger than"):
        ChordProgression.load(path, bpm=100)


@pytest.mark.parametrize("bpm", [1e-9, 0.0, -1.0, 1e9, float("nan"), float("inf"), True, "fast"])
def test_tempi_that_are_none(bpm: object) -> None:
    for text in ("C | G", "C G"):
        with pytest.raises(ChordError, match="20 to 600"):
            parse(text, bpm=bpm)  # type: ignore[arg-type]


def test_a_long_song_is_read_quickly() -> None:
    started = time.process_time()
    text = "".join(f"[{2 + n % 3}/4] [tempo {60 + n % 7}] C | G-Am | % | " for n in range(4_000))
    progression = parse(text, bpm=100)
    assert len(progression.names) == 20_000 and len(progression.bars) == 12_000
    assert time.process_time() - started < 10


NAMES = st.sampled_from(CHORD_NAMES)
PROGRESSIONS = st.lists(
    st.tuples(NAMES, st.floats(0.001, 30, allow_nan=False)), min_size=1, max_size=30
).map(
    lambda rows: ChordProgression(
        tuple(name for name, _ in rows),
        tuple(itertools.accumulate((length for _, length in rows[:-1]), initial=0.0)),
        sum(length for _, length in rows) + 1.0,
    )
)


@given(progression=PROGRESSIONS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_files_and_back(
    progression: ChordProgression, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("chords")
    progression.to_lab(folder / "a.lab")
    again = ChordProgression.load(folder / "a.lab")
    assert again.names == progression.names and again.onsets == progression.onsets
    assert again.end == progression.end
    progression.to_jams(folder / "a.jams")
    again = ChordProgression.load(folder / "a.jams")
    assert again.names == progression.names and again.onsets == progression.onsets
    assert again.end == pytest.approx(progression.end)
    (folder / "a.json").write_text(json.dumps(progression.pairs()))
    assert ChordProgression.load(folder / "a.json").pairs() == progression.pairs()


WORDS = st.sampled_from(
    "C Am7 F#m7b5 G/B N % . / - | |: :| [3/4] [6/8] [tempo 90] [Verse] [Verse x2] [A] [G] [N.C.] "
    "C-Am , Bb:maj7 [key A] I".split()
)


@given(words=st.lists(WORDS, min_size=1, max_size=20), bpm=st.sampled_from([60, 97.3, 600]))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_bars_are_in_order(words: list[str], bpm: float) -> None:
    try:
        progression = parse(" ".join(words), bpm=bpm)
    except ChordError as error:
        assert error.position is not None
        return
    assert set(progression.names) <= set(CHORD_NAMES)
    assert list(progression.onsets) == sorted(set(progression.onsets))
    assert list(progression.bars) == sorted(set(progression.bars))
    assert progression.end is not None and progression.end > max(progression.onsets)
    fitted = progression.fit(60.0)
    assert not fitted.loop and max(fitted.onsets) < max(60.0, progression.onsets[0] + 1e-9)


SEGMENTS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 40), st.sampled_from(["C", "G", "Am", "F"])),
    min_size=1,
    max_size=8,
)


@given(rows=SEGMENTS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_segments_against_the_definition(
    rows: list[tuple[int, int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """At every time the segment sounds that began last; of those, the shortest, then the last."""
    path = tmp_path_factory.mktemp("lab") / "a.lab"
    path.write_text("".join(f"{s / 4} {(s + n) / 4} {name}\n" for s, n, name in rows))
    progression = ChordProgression.load(path)
    for quarter in range(min(s for s, _, _ in rows), 100):
        sounding = [(s, -n, i) for i, (s, n, _) in enumerate(rows) if s <= quarter < s + n]
        expected = rows[max(sounding)[2]][2] if sounding else "N"
        time_ = quarter / 4 + 0.1
        if progression.end is not None and time_ < progression.end:
            sounds = [name for name, onset in progression.pairs() if onset <= time_][-1]
            assert sounds == expected
