"""Unicode variants of musical signs, mapped to one plain character each."""

from __future__ import annotations

_SAME = {
    "|": "│┃┆┇┊┋❘∣‖∥\U0001d100\U0001d101\U0001d102",
    ",": "、﹐",
    "-": "‐‑‒–—―−﹣⁻",
    "b": "♭",
    "#": "♯",
    "^": "△∆Δ▵",
    "o": "°º˚∘",
    "ø": "Ø⌀∅",
    "+": "⁺",
    "/": "⁄∕",
    "%": "\U0001d10e",
    '"': "“”„«»",
    "'": "‘’‚`´",
    "\n": "\r\x85\u2028\u2029",
    " ": "\xa0\u2002\u2003\u2009\u202f\u3000",
}
_TABLE = {ord(c): sign for sign, same in _SAME.items() for c in same}
_TABLE |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full-width ASCII
_TABLE |= {ord(c): str(n) for n, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_TABLE |= {ord(c): str(n) for n, c in enumerate("₀₁₂₃₄₅₆₇₈₉")}

_NUMERALS = "I II III IV V VI VII".split()
_LONGER: dict[int, str] = {0x2160 + n: numeral for n, numeral in enumerate(_NUMERALS)}
_LONGER |= {0x2170 + n: numeral.lower() for n, numeral in enumerate(_NUMERALS)}
_LONGER |= {ord("\U0001d12a"): "##", ord("\U0001d12b"): "bb", ord("♮"): ""}
# Marks without width, which pasted text may contain.
_LONGER |= dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF), "")


def plain(text: str) -> str:
    """Text with look-alikes replaced by the plain sign, one for one: positions are kept."""
    return text.translate(_TABLE)


def plain_token(token: str) -> str:
    """`plain` text with double flats written out and marks without width removed."""
    return plain(token).translate(_LONGER)
