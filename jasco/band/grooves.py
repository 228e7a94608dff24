"""Drum grooves as tablature: pieces of the kit, each followed by its row in a bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PIECES: Mapping[str, int] = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "floor": 41,
    "hat": 42,
    "low": 45,
    "mid": 47,
    "high": 50,
    "pedal": 44,
    "open": 46,
    "crash": 49,
    "ride": 51,
    "bell": 53,
    "tambourine": 54,
    "cowbell": 56,
    "bongo": 60,
    "bongo-low": 61,
    "conga-mute": 62,
    "conga": 63,
    "conga-low": 64,
    "agogo": 67,
    "agogo-low": 68,
    "cabasa": 69,
    "maracas": 70,
    "claves": 75,
    "woodblock": 76,
    "triangle": 81,
}
"""Piece of the kit -> General MIDI note."""

Groove = Mapping[str, str]
"""Piece -> row in a bar (see `jasco.band.grid`); ``X`` is loud, ``o`` soft."""


class Family(NamedTuple):
    """Grooves of one kind.

    Attributes:
        feel: names in descriptions.
        grooves: grooves by metre.
    """

    feel: tuple[str, ...]
    grooves: Mapping[str, tuple[Groove, ...]]


def _family(*feel: str, **tabs: tuple[str, ...]) -> Family:
    """Family of grooves from tablature; ``in_4`` is 4/4, ``in_3`` is 3/4, ``in_6`` is 6/8."""
    meters = {"in_4": "4/4", "in_3": "3/4", "in_6": "6/8"}
    return Family(
        feel, {meters[name]: tuple(map(_read_tab, found)) for name, found in tabs.items()}
    )


def _read_tab(tab: str) -> Groove:
    words = tab.split()
    return dict(zip(words[::2], words[1::2], strict=True))


FAMILIES: Mapping[str, Family] = {
    "rock": _family(
        "a rock beat",
        "a driving backbeat",
        in_4=(
            "kick x.......x.x..... snare ....X.......X... hat x.o.x.o.x.o.x.o.",
            "kick x..x......x..... snare ....X.......X... ride x.x.x.x.x.x.x.x.",
            "kick x.x...x.x.....x. snare ....X.......X... open x...x...x...x...",
        ),
        in_6=(
            "kick x.........o. snare ......X..... hat x.o.o.x.o.o.",
            "kick x...x.....x. snare ......X..... ride x...x.x...x.",
        ),
    ),
    "pop": _family(
        "a steady pop beat",
        "a simple beat",
        in_4=(
            "kick x.....x.x....... snare ....X.......X... hat x.o.x.o.x.o.x.o.",
            "kick x.....x...x..... clap ....X.......X... hat x.x.x.x.x.x.x.xx "
            "tambourine ..o...o...o...o.",
            "kick x.....x.x.....x. snare ....X.......X... maracas xoxoxoxoxoxoxoxo",
        ),
        in_3=(
            "kick x........... snare ....x...x... hat x.x.x.x.x.x.",
            "kick x.....x..... rim ........x... hat x.x.x.x.x.x.",
        ),
    ),
    "disco": _family(
        "a disco beat",
        "four on the floor",
        in_4=(
            "kick x...x...x...x... snare ....X.......X... open ..x...x...x...x. "
            "hat x...x...x...x...",
            "kick x...x...x...x... clap ....X.......X... hat xox.xox.xox.xox. "
            "cowbell ....o.......o.o.",
        ),
    ),
    "house": _family(
        "a four-on-the-floor kick",
        "a house beat",
        "a club beat",
        in_4=(
            "kick x...x...x...x... clap ....X.......X... open ..x...x...x...x.",
            "kick x...x...x...x... clap ....x.......x..o hat xoxoxoxoxoxoxoxo",
            "kick x...x...x...x... rim ...x..x....x..x. hat ..x...x...x...x. "
            "maracas xoxoxoxoxoxoxoxo",
        ),
    ),
    "funk": _family(
        "a tight funk groove",
        "syncopated drums",
        in_4=(
            "kick x.x.......x..x.. snare ....X..o.o..X..o hat xoxoxoxoxoxoxoxo",
            "kick x..x..x...x..... snare ....X..o.o..X... hat x.x.x.xxx.x.x.x.",
            "kick x.....xx..x....x snare ....X.o..o..X.o. ride x.o.x.o.x.o.x.o.",
        ),
    ),
    "hip-hop": _family(
        "a boom-bap beat",
        "a laid-back hip-hop beat",
        in_4=(
            "kick x......x..x..... snare ....X.......X... hat x.o.x.o.x.o.x.o.",
            "kick x.x....x.x...... snare ....X.......X..o hat x.xxx.x.x.xxx.x.",
            "kick x.....x..x...... clap ....X.......X... hat x.x.x.x.x.x.x.x.",
        ),
    ),
    "trap": _family(
        "a trap beat",
        "rolling hi-hats",
        in_4=(
            "kick x......x..x..... clap ........X....... hat x.x.x.x.xxx.x.x.x.x.x.x.xxxxx.x.",
            "kick x.....x.......x. snare ........X....... hat x.x.x.x.x.x.xxxxx.x.x.xxx.x.x.x.",
        ),
    ),
    "reggae": _family(
        "a one-drop beat",
        "a reggae beat",
        in_4=(
            "kick ........x....... rim ........x....... hat x.o.x.o.x.o.x.o.",
            "kick x...x...x...x... rim ........x....... hat x.o.x.oxx.o.x.o.",
        ),
    ),
    "bossa": _family(
        "a bossa nova beat",
        "a soft Brazilian rhythm",
        in_4=(
            "kick x..ox..ox..ox..o rim x..x..x...x..x.. hat xoxoxoxoxoxoxoxo",
            "kick x..xx..xx..xx..x rim ..x...x..x...x.. maracas xoxoxoxoxoxoxoxo",
        ),
    ),
    "latin": _family(
        "Latin percussion",
        "a salsa rhythm",
        "Afro-Cuban drums",
        in_4=(
            "kick ...x..x....x..x. claves x..x..x...x.x... conga-mute x.o.x.o.x.o.x.o. "
            "conga ......xx......xx cowbell x...x...x...x...",
            "kick ...x......x..... rim x.xx.x.xx.x.xx.x conga ....x.......x.xx "
            "maracas x.x.x.x.x.x.x.x.",
            "kick x..xx..xx..xx..x agogo x.x..x...x.x.... agogo-low ....x..x....x.x. "
            "maracas xoxoxoxoxoxoxoxo snare o.oxo.oxo.oxo.ox",
        ),
        in_6=(
            "kick x.....x..... bell x.x.xx.x.x.x conga ....x.....xx",
            "kick x...x.x...x. cowbell x.x.xx.x.x.x bongo ..xo..xo..xo",
        ),
    ),
    "swing": _family(
        "swinging drums",
        "a swing beat",
        in_4=(
            "kick o.o.o.o. ride x.xxx.xx pedal ..x...x.",
            "ride x.xxx.xx pedal ..x...x. snare ...o.o..",
            "kick x...o... hat x.xxx.xx rim ..x...x.",
        ),
        in_3=(
            "kick x..... ride x.xxx. pedal ..x.x.",
            "kick x....o ride x.x.xx snare ...o.o",
        ),
    ),
    "shuffle": _family(
        "a shuffle",
        "a blues shuffle",
        in_4=(
            "kick x...xx.. snare ..X...X. hat xoxoxoxo",
            "kick x.x.x.x. snare .oX..oX. ride xxxxxxxx",
        ),
        in_3=("kick x..... snare ..x.x. hat xoxoxo",),
    ),
    "ballad": _family(
        "slow ballad drums",
        "half-time drums",
        "gentle drums",
        in_4=(
            "kick x.............o. rim ........x....... hat x.o.x.o.x.o.x.o.",
            "kick x......x..x..... snare ........X....... hat x...x...x...x...",
        ),
        in_6=(
            "kick x.........x. rim ......x..... hat x.o.o.x.o.o.",
            "kick x.....o..... snare ......x..... ride x.x.x.x.x.x.",
        ),
        in_3=("kick x.........o. rim ....x...x... ride x...x.x.x...",),
    ),
    "waltz": _family(
        "a waltz rhythm",
        "a lilting waltz beat",
        in_3=(
            "kick x........... snare ....o...o... hat ....x...x...",
            "kick x........... tambourine ....x...x... triangle x...........",
        ),
    ),
    "march": _family(
        "a marching snare",
        "military drums",
        in_4=(
            "kick x...x...x...x... snare X.xxx.xxX.xxxxxx",
            "kick x.......x....... snare X..xX..xX.x.Xxxx crash x...............",
        ),
        in_6=("kick x.....x..... snare X.x.x.X.xxxx",),
        in_3=("kick x........... snare X.xxx.x.xxx.",),
    ),
    "metal": _family(
        "heavy drums",
        "pounding metal drums",
        in_4=(
            "kick xxxxxxxxxxxxxxxx snare ....X.......X... crash x...x...x...x...",
            "kick x.xxx.xxx.xxx.xx snare ....X.......X... ride x.x.x.x.x.x.x.x.",
            "kick x.x.x.x.x.x.x.x. snare .x.x.x.x.x.x.x.x hat x.x.x.x.x.x.x.x.",
        ),
    ),
    "breakbeat": _family(
        "breakbeat drums",
        "a breakbeat",
        in_4=(
            "kick x.x.......xx.... snare ....X..o.o..X..o ride x.o.x.o.x.o.x.o.",
            "kick x.........x..... snare ....X.....o.X... hat xoxoxoxoxoxoxoxo",
            "kick x.x.......x..x.. snare ....X..x.x....x. hat x.o.x.o.x.o.x.o.",
        ),
    ),
    "tribal": _family(
        "tribal toms",
        "thundering toms",
        in_4=(
            "floor x..x..x.x..x..x. low ....x.......x.x. kick x.......x.......",
            "floor x.xx..x.x.xx.... mid ....x.......xxx. high ......x.........",
        ),
        in_3=("floor x..x..x.x... low ....x.....xx kick x...........",),
        in_6=("floor x.xx..x.xx.. mid ....x.....x. kick x.....x.....",),
    ),
    "hand percussion": _family(
        "hand percussion",
        "light percussion",
        in_4=(
            "bongo x.oxo.xox.oxo.xo bongo-low ....x.......x... maracas x.o.x.o.x.o.x.o.",
            "conga ..x...xx..x...xx conga-low x.......x.x..... cabasa xoxoxoxoxoxoxoxo",
            "woodblock x..x..x...x.x... tambourine ....x.......x...",
        ),
        in_3=("bongo x.ox.oxoo.xo triangle ....x...x... maracas x.o.x.o.x.o.",),
        in_6=("conga x.xox.x.xox. conga-low ......x....x maracas x.o.o.x.o.o.",),
    ),
}
"""Name -> family of grooves."""

SWUNG = ("swing", "shuffle")
"""Families with swung eighths."""
