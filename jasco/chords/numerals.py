"""Roman numerals and Nashville numbers, read in a key.

Conventions: ``I`` to ``VII`` are major and ``i`` to ``vii`` minor unless the suffix says otherwise;
Nashville's ``1`` to ``7`` are major, minor is written (``6-``, ``2m``). ``b`` and ``#`` before the
degree count from the major scale of the tonic, so ``bVII`` of C and of C minor is Bb.

In a minor key the plain degrees 3, 6 and 7 are those of the natural minor scale (``VI`` of A minor
is F) and a sharp raises them from there. Only ``vi`` and ``vii`` in lower case stand on the raised
degrees (``viio`` of A minor is G# dim), as in harmony books.

After a slash, a numeral is a temporary key (``V7/V``), a number is the bass as a degree of
the key (``5/7`` of C is G/B), and a letter is the bass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jasco.chords.characters import plain_token
from jasco.chords.languages import tonic_in_english
from jasco.chords.quality import DEGREE, MAJOR_SCALE, Unreadable, read_quality
from jasco.chords.symbols import Bass, Chord, join_slashes, read_bass, without_brackets
from jasco.chords.vocabulary import pitch_class
from jasco.errors import ChordError

_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII")
_NUMERAL = re.compile(
    r"(?P<shift>##?|bb?|)"
    r"(?P<degree>VII|VI|V|IV|III|II|I|vii|vi|v|iv|iii|ii|i|[1-7])"
    r"(?P<quality>[^/]*)",
    re.DOTALL,
)
_KEY = re.compile(r"([A-Ga-g](?:##?|bb?)?)(?:[\s:]|-(?=\w))*(\w*|-)")
_MAJOR_WORDS = ("", "M", "maj", "major", "dur", "ionian")
_MINOR_WORDS = ("m", "-", "mi", "min", "minor", "moll", "aeolian")


@dataclass(frozen=True)
class Key:
    """Key: pitch class of the tonic (C = 0) and mode."""

    tonic: int
    minor: bool

    @classmethod
    def parse(cls, text: str, notation: str = "english") -> Key:
        """Read ``"C"``, ``"A minor"``, ``"Am"``, ``"F# major"``, ``"Bb:min"``, ``"a-moll"``.

        Args:
            text: the key.
            notation: language of the tonic (`jasco.chords.languages`).

        Raises:
            ChordError: anything else; also a lower-case letter alone, whose mode is ambiguous.
        """
        plain = plain_token(text).strip() if isinstance(text, str) else ""
        readings = [a + b for a, b in tonic_in_english(plain, notation)] + [plain]
        for found in filter(None, map(_KEY.fullmatch, readings)):
            word = found[2] if found[2] == "M" else found[2].lower()
            if word in _MINOR_WORDS or (word in _MAJOR_WORDS and found[1][0].isupper()):
                return cls(pitch_class(found[1]), word in _MINOR_WORDS)
            if word in _MAJOR_WORDS and word:
                return cls(pitch_class(found[1]), minor=False)
        near = f"{plain[:1].upper()} minor" if plain[:1].upper() in list("ABCDEFG") else "A minor"
        raise ChordError(
            f"cannot read the key {text!r}: give a tonic and a mode, such as 'C', 'F# major', 'Am' "
            f"or {near!r}",
            position=0,
            token=str(text),
            suggestion=near,
        )

    def degree(self, number: int, shift: str = "", *, raised: bool = False) -> int:
        """Pitch class of a degree (1 to 7) with its accidentals; see the conventions above."""
        lowered = self.minor and number in (3, 6, 7) and "b" not in shift and not raised
        step = MAJOR_SCALE[number - 1] - lowered + shift.count("#") - shift.count("b")
        return (self.tonic + step) % 12


def looks_like_numeral(token: str) -> bool:
    """True for a token that begins with a Roman numeral or a Nashville number."""
    return _NUMERAL.match(without_brackets(plain_token(token))) is not None


def read_numeral(token: str, key: Key) -> Chord:
    """Read a Roman numeral or a Nashville number in a key.

    Raises:
        Unreadable: not a numeral of the key.
    """
    text = join_slashes(without_brackets(plain_token(token)))
    head, *tail = text.split("/")
    bass = tail.pop() if tail and not _is_roman(tail[-1]) else None
    for place in reversed(tail):  # V7/V/ii: the last numeral first
        root, minor, _ = _read_degree(place, key)
        key = Key(root, minor)
    root, minor, quality = _read_degree(head, key)
    tones = read_quality(quality, minor=minor)
    if bass is None:
        return Chord(root, tones)
    degree = DEGREE.fullmatch(bass)
    if degree is None:
        return Chord(root, tones, read_bass(bass, root))
    if int(degree["number"]) > 7:
        raise Unreadable(f"the bass {bass!r} is not a degree of the key from 1 to 7")
    note = key.degree(int(degree["number"]), degree["shift"])
    return Chord(root, tones, Bass((note - root) % 12, bass, is_note=False))


def _is_roman(text: str) -> bool:
    return text.lstrip("b#")[:1].upper() in ("I", "V")


def _read_degree(text: str, key: Key) -> tuple[int, bool, str]:
    """Root (pitch class), minor or major, and suffix of one numeral."""
    found = _NUMERAL.fullmatch(text)
    if found is None:
        raise Unreadable("a numeral is I to VII, i to vii or 1 to 7")
    name, shift = found["degree"], found["shift"]
    number = int(name) if name.isdigit() else _ROMAN.index(name.upper()) + 1
    raised = name in ("vi", "vii")
    if raised and shift == "#" and key.minor:  # #viio of a minor key equals its viio
        shift = ""
    return key.degree(number, shift, raised=raised), name.islower(), found["quality"]
