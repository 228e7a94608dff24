"""Genres: tempi, harmony, patterns and instruments that are combined in a song."""

from __future__ import annotations

from typing import NamedTuple


class Genre(NamedTuple):
    """Choices of a genre; an option that is listed twice is drawn twice as often.

    Attributes:
        tempo: slowest and fastest pulse (a minute).
        energy: liveliness, 0 to 1.
        richness: share of chords with more than three tones, 0 to 1.
        swing: smallest and largest position of the off-beat, and the swung unit (see `Clock`).
        meters: time signatures.
        modes: of the key.
        drums: families of grooves.
        comping: patterns of the chords.
        bass_lines: patterns of the bass.
        harmony: instruments of the chords.
        pads: instruments of a second layer of chords.
        leads: instruments of the lead.
        basses: instruments of the bass.
        kits: drum kits.
    """

    tempo: tuple[int, int]
    energy: float
    richness: float
    swing: tuple[float, float, float]
    meters: tuple[str, ...]
    modes: tuple[str, ...]
    drums: tuple[str, ...]
    comping: tuple[str, ...]
    bass_lines: tuple[str, ...]
    harmony: tuple[str, ...]
    pads: tuple[str, ...]
    leads: tuple[str, ...]
    basses: tuple[str, ...]
    kits: tuple[str, ...]


_STRAIGHT = (0.5, 0.5, 1.0)


def _genre(
    tempo: tuple[int, int],
    energy: float,
    richness: float,
    swing: tuple[float, float, float] = _STRAIGHT,
    **choices: str,
) -> Genre:
    """Genre whose options are comma-separated; its metre is 4/4 by default."""
    lists = {name: tuple(line.split(", ")) for name, line in choices.items()}
    return Genre(tempo, energy, richness, swing, **{"meters": ("4/4",), **lists})


GENRES = {
    "pop": _genre(
        (88, 132), 0.6, 0.2,
        meters="4/4, 4/4, 4/4, 6/8",
        modes="major, major, minor, mixolydian",
        drums="pop, pop, rock, disco",
        comping="quarters, eighths, push, broken up, held, strum",
        bass_lines="eighths, push, quarters, held",
        harmony="grand piano, bright piano, clean guitar, acoustic guitar, polysynth",
        pads="string ensemble, warm pad, choir",
        leads="voice oohs, saw lead, clean guitar, flute, synth voice",
        basses="fingered bass, picked bass, synth bass",
        kits="acoustic kit, room kit, electronic kit",
    ),
    "synth-pop": _genre(
        (96, 132), 0.7, 0.25,
        modes="major, minor, minor, dorian",
        drums="pop, disco, house, rock",
        comping="pulse, arpeggiator, eighths, held, push",
        bass_lines="eighths, octaves, push",
        harmony="polysynth, synth strings, FM electric piano, halo pad, square lead, "
        "calliope lead",
        pads="warm pad, space pad, synth strings",
        leads="saw lead, synth voice, synth brass",
        basses="synth bass, deep synth bass",
        kits="electronic kit, 808 kit",
    ),
    "rock": _genre(
        (96, 160), 0.85, 0.05,
        meters="4/4, 4/4, 4/4, 6/8",
        modes="major, minor, mixolydian, dorian",
        drums="rock, rock, pop, shuffle",
        comping="eighths, strum, quarters, backbeat, push",
        bass_lines="eighths, quarters, push",
        harmony="overdriven guitar, clean guitar, rock organ, overdriven guitar",
        pads="rock organ, string ensemble",
        leads="distorted guitar, overdriven guitar, harmonica, alto sax",
        basses="picked bass, fingered bass",
        kits="power kit, room kit, acoustic kit",
    ),
    "metal": _genre(
        (110, 190), 1.0, 0.0,
        meters="4/4, 4/4, 6/8",
        modes="minor, minor, dorian",
        drums="metal, metal, rock",
        comping="eighths, sixteenths, quarters, held",
        bass_lines="gallop, eighths",
        harmony="distorted guitar, overdriven guitar, muted guitar",
        pads="string ensemble, choir, church organ",
        leads="distorted guitar, overdriven guitar, saw lead",
        basses="picked bass, fingered bass",
        kits="power kit, room kit",
    ),
    "disco": _genre(
        (108, 128), 0.85, 0.5,
        modes="major, minor, dorian",
        drums="disco, disco, house",
        comping="funk, offbeat, pulse, backbeat",
        bass_lines="octaves, funk, eighths",
        harmony="clean guitar, Rhodes, clavinet, muted guitar, bright piano",
        pads="string ensemble, synth strings",
        leads="brass section, flute, voice oohs, saw lead, string ensemble",
        basses="fingered bass, slap bass",
        kits="acoustic kit, room kit",
    ),
    "house": _genre(
        (116, 130), 0.85, 0.4,
        modes="minor, minor, dorian, major",
        drums="house, house, disco",
        comping="charleston, offbeat, push, pulse, arpeggiator",
        bass_lines="octaves, sub, push, eighths",
        harmony="polysynth, percussive organ, bright piano, FM electric piano",
        pads="warm pad, halo pad, space pad, synth strings",
        leads="saw lead, synth voice, synth brass, Rhodes",
        basses="synth bass, deep synth bass",
        kits="electronic kit, 808 kit",
    ),
    "drum and bass": _genre(
        (158, 178), 0.9, 0.35,
        modes="minor, dorian",
        drums="breakbeat, breakbeat, funk",
        comping="held, halves, charleston, arpeggiator",
        bass_lines="sub, held, push",
        harmony="warm pad, Rhodes, atmosphere, synth strings",
        pads="space pad, halo pad",
        leads="saw lead, synth voice, flute",
        basses="deep synth bass, synth bass",
        kits="electronic kit, power kit",
    ),
    "funk": _genre(
        (92, 120), 0.8, 0.6, (0.5, 0.58, 0.5),
        modes="dorian, mixolydian, minor",
        drums="funk, funk, breakbeat",
        comping="funk, funk, backbeat, push",
        bass_lines="funk, funk, octaves",
        harmony="clavinet, muted guitar, clean guitar, Rhodes, drawbar organ",
        pads="drawbar organ, synth strings",
        leads="alto sax, brass section, tenor sax, synth brass, trumpet, baritone sax",
        basses="slap bass, fingered bass",
        kits="acoustic kit, room kit",
    ),
    "soul": _genre(
        (66, 104), 0.45, 0.6, (0.5, 0.6, 0.5),
        meters="4/4, 4/4, 6/8",
        modes="major, minor, dorian",
        drums="pop, funk, ballad, hip-hop",
        comping="charleston, push, halves, backbeat",
        bass_lines="push, funk, quarters",
        harmony="Rhodes, drawbar organ, grand piano, jazz guitar, clean guitar",
        pads="string ensemble, choir, drawbar organ",
        leads="tenor sax, voice oohs, trumpet, harmonica, flute, muted trumpet",
        basses="fingered bass, fretless bass",
        kits="acoustic kit, room kit",
    ),
    "hip-hop": _genre(
        (80, 100), 0.55, 0.5, (0.5, 0.62, 0.5),
        modes="minor, dorian, minor",
        drums="hip-hop, hip-hop, funk, trap",
        comping="charleston, halves, held, push, broken up",
        bass_lines="sub, push, held",
        harmony="Rhodes, grand piano, vibraphone, pizzicato strings, jazz guitar",
        pads="slow strings, warm pad",
        leads="synth voice, flute, muted trumpet, Rhodes",
        basses="deep synth bass, upright bass, fingered bass",
        kits="808 kit, acoustic kit, electronic kit",
    ),
    "trap": _genre(
        (120, 150), 0.7, 0.2,
        modes="minor, minor, dorian",
        drums="trap, trap, hip-hop",
        comping="broken up, held, halves, arpeggiator",
        bass_lines="sub, held",
        harmony="music box, grand piano, crystal, kalimba, harp, glockenspiel",
        pads="choir, slow strings, space pad",
        leads="saw lead, flute, synth voice, koto",
        basses="deep synth bass",
        kits="808 kit, electronic kit",
    ),
    "lo-fi": _genre(
        (66, 92), 0.25, 0.8, (0.54, 0.64, 0.5),
        meters="4/4, 4/4, 3/4",
        modes="major, minor, dorian",
        drums="hip-hop, ballad, hip-hop, pop",
        comping="halves, charleston, held, broken wave",
        bass_lines="held, push, sub, halves",
        harmony="Rhodes, FM electric piano, nylon guitar, jazz guitar, vibraphone",
        pads="warm pad, slow strings",
        leads="muted trumpet, clarinet, Rhodes, jazz guitar, ocarina",
        basses="upright bass, fretless bass, deep synth bass",
        kits="brush kit, 808 kit, acoustic kit",
    ),
    "reggae": _genre(
        (66, 92), 0.4, 0.25, (0.5, 0.58, 1.0),
        modes="major, minor, dorian",
        drums="reggae, reggae, pop",
        comping="offbeat",
        bass_lines="one drop, push, halves",
        harmony="clean guitar, drawbar organ, grand piano, muted guitar, steel drums",
        pads="drawbar organ, percussive organ",
        leads="trombone, brass section, voice oohs, harmonica, alto sax",
        basses="fingered bass, fretless bass",
        kits="acoustic kit, room kit",
    ),
    "bossa nova": _genre(
        (108, 150), 0.35, 0.9,
        modes="major, major, minor",
        drums="bossa, bossa, hand percussion",
        comping="bossa, bossa, broken wave",
        bass_lines="two-beat, halves, tumbao",
        harmony="nylon guitar, nylon guitar, grand piano, Rhodes",
        pads="slow strings, voice oohs",
        leads="flute, tenor sax, voice oohs, clarinet, trombone",
        basses="upright bass, fretless bass",
        kits="brush kit, jazz kit, acoustic kit",
    ),
    "latin": _genre(
        (92, 128), 0.8, 0.4,
        meters="4/4, 4/4, 4/4, 6/8",
        modes="minor, major, mixolydian",
        drums="latin, latin, hand percussion",
        comping="montuno, montuno, offbeat, push",
        bass_lines="tumbao, tumbao, two-beat",
        harmony="grand piano, nylon guitar, accordion, marimba",
        pads="brass section, string ensemble",
        leads="trumpet, brass section, flute, trombone, bandoneon, piccolo",
        basses="upright bass, fingered bass",
        kits="acoustic kit, jazz kit",
    ),
    "jazz": _genre(
        (92, 200), 0.55, 0.95, (0.6, 0.67, 1.0),
        meters="4/4, 4/4, 3/4",
        modes="major, minor, dorian",
        drums="swing",
        comping="charleston, push, quarters, charleston",
        bass_lines="walking, walking, halves",
        harmony="grand piano, jazz guitar, Rhodes, vibraphone",
        pads="drawbar organ, string ensemble",
        leads="tenor sax, trumpet, alto sax, muted trumpet, clarinet, soprano sax, "
        "trombone, baritone sax, jazz guitar",
        basses="upright bass",
        kits="jazz kit, brush kit",
    ),
    "blues": _genre(
        (60, 132), 0.5, 0.6, (0.6, 0.67, 1.0),
        meters="4/4, 4/4, 4/4, 3/4",
        modes="mixolydian, major, minor",
        drums="shuffle, shuffle, swing",
        comping="quarters, backbeat, charleston, stride",
        bass_lines="walking, quarters, eighths",
        harmony="grand piano, honky-tonk piano, clean guitar, drawbar organ, acoustic guitar",
        pads="drawbar organ, brass section",
        leads="harmonica, overdriven guitar, tenor sax, clean guitar, baritone sax",
        basses="upright bass, fingered bass",
        kits="acoustic kit, room kit, brush kit",
    ),
    "gospel": _genre(
        (60, 120), 0.6, 0.6, (0.5, 0.64, 1.0),
        meters="4/4, 6/8, 6/8, 3/4",
        modes="major, major, mixolydian",
        drums="ballad, pop, rock",
        comping="quarters, halves, broken up, stride",
        bass_lines="quarters, walking, halves",
        harmony="drawbar organ, grand piano, church organ",
        pads="choir, drawbar organ",
        leads="voice oohs, tenor sax, accordion, trumpet",
        basses="fingered bass, upright bass",
        kits="acoustic kit, room kit",
    ),
    "country": _genre(
        (84, 140), 0.6, 0.05,
        meters="4/4, 4/4, 3/4",
        modes="major, major, mixolydian",
        drums="rock, pop, waltz, shuffle",
        comping="stride, strum, quarters, broken up",
        bass_lines="two-beat, two-beat, quarters",
        harmony="acoustic guitar, banjo, clean guitar, honky-tonk piano",
        pads="string ensemble, accordion",
        leads="fiddle, harmonica, clean guitar, banjo",
        basses="fingered bass, upright bass",
        kits="acoustic kit, brush kit",
    ),
    "folk": _genre(
        (72, 128), 0.4, 0.1,
        meters="4/4, 3/4, 6/8",
        modes="major, minor, dorian, mixolydian",
        drums="hand percussion, waltz, ballad, tribal",
        comping="broken up, broken wave, strum, alberti",
        bass_lines="held, halves, two-beat",
        harmony="acoustic guitar, nylon guitar, harp, accordion, banjo",
        pads="slow strings, voice oohs",
        leads="fiddle, recorder, flute, accordion, voice oohs, pan flute, harmonica, "
        "ocarina, English horn, oboe, viola, piccolo",
        basses="upright bass, bowed contrabass",
        kits="brush kit, acoustic kit",
    ),
    "ballad": _genre(
        (54, 84), 0.2, 0.35,
        meters="4/4, 4/4, 6/8, 3/4",
        modes="major, minor",
        drums="ballad, ballad, pop",
        comping="broken up, broken wave, quarters, held, broken fast",
        bass_lines="held, halves, push",
        harmony="grand piano, Rhodes, nylon guitar, acoustic guitar, FM electric piano",
        pads="string ensemble, slow strings, choir, warm pad",
        leads="violin, alto sax, voice oohs, cello, oboe, flute, soprano sax, viola",
        basses="fretless bass, fingered bass, upright bass",
        kits="acoustic kit, brush kit, room kit",
    ),
    "waltz": _genre(
        (84, 180), 0.4, 0.3,
        meters="3/4",
        modes="major, minor",
        drums="waltz, waltz, ballad, march",
        comping="stride, stride, broken up, alberti",
        bass_lines="held, two-beat",
        harmony="accordion, grand piano, string ensemble, harp, church organ, celesta",
        pads="slow strings, tremolo strings",
        leads="violin, clarinet, accordion, flute, bandoneon, bassoon",
        basses="upright bass, bowed contrabass, bass tuba",
        kits="brush kit, orchestral kit",
    ),
    "classical": _genre(
        (60, 144), 0.4, 0.3,
        meters="4/4, 3/4, 6/8",
        modes="major, minor",
        drums="march, waltz",
        comping="alberti, broken up, broken fast, held, eighths",
        bass_lines="held, quarters, halves",
        harmony="string ensemble, harpsichord, grand piano, pizzicato strings, harp, church organ",
        pads="slow strings, French horn, tremolo strings",
        leads="violin, oboe, clarinet, flute, bassoon, cello, French horn, piccolo, viola, "
        "English horn, recorder, trumpet",
        basses="bowed contrabass, bass cello, upright bass",
        kits="orchestral kit",
    ),
    "cinematic": _genre(
        (60, 132), 0.6, 0.3,
        meters="4/4, 6/8, 3/4",
        modes="minor, minor, dorian, major",
        drums="tribal, march, tribal",
        comping="held, eighths, sixteenths, broken fast",
        bass_lines="held, quarters, eighths, gallop",
        harmony="string ensemble, tremolo strings, slow strings, brass section",
        pads="choir, French horn, space pad, church organ",
        leads="French horn, violin, trumpet, cello, shakuhachi, tuba, trombone, bassoon",
        basses="bowed contrabass, bass cello, bass tuba",
        kits="orchestral kit, power kit",
    ),
    "ambient": _genre(
        (54, 90), 0.1, 0.5,
        meters="4/4, 3/4, 6/8",
        modes="major, dorian, mixolydian, minor",
        drums="hand percussion, ballad, house",
        comping="held, held, broken wave, broken up",
        bass_lines="held",
        harmony="warm pad, atmosphere, space pad, halo pad, slow strings, fantasia",
        pads="space pad, halo pad, choir",
        leads="flute, shakuhachi, synth voice, pan flute, ocarina, clarinet",
        basses="deep synth bass, fretless bass, bowed contrabass",
        kits="electronic kit, brush kit",
    ),
    "world": _genre(
        (72, 132), 0.5, 0.1,
        meters="4/4, 6/8, 3/4",
        modes="dorian, minor, mixolydian, major",
        drums="tribal, hand percussion, latin",
        comping="broken up, alberti, strum, broken wave",
        bass_lines="held, quarters, push",
        harmony="sitar, koto, shamisen, kalimba, marimba, steel drums, nylon guitar, xylophone",
        pads="voice oohs, slow strings, space pad",
        leads="koto, shakuhachi, pan flute, ocarina, bandoneon, muted trumpet",
        basses="fretless bass, upright bass, bowed contrabass",
        kits="acoustic kit, orchestral kit, power kit",
    ),
}  # fmt: skip
"""Name -> genre."""
