"""General MIDI instruments of the synthetic songs, by family, with their names in descriptions."""

from __future__ import annotations

from typing import NamedTuple


class Instrument(NamedTuple):
    """General MIDI instrument.

    Attributes:
        name: name in descriptions.
        program: General MIDI program from 0; of percussion the kit.
        family: family of similar timbre.
        low: lowest MIDI note of a lead, within the 53 notes of a melody.
        high: highest MIDI note of a lead, within the 53 notes of a melody.
        level: level of a note at full volume in FluidR3 GM (dB).
        attack: perceptual attack time in FluidR3 GM (s).
        words: further names in descriptions.
        slow: true where notes swell slowly, so that only long chords are played.
    """

    name: str
    program: int
    family: str
    low: int = 55
    high: int = 84
    level: int = -25
    attack: float = 0.0
    words: tuple[str, ...] = ()
    slow: bool = False


def _by_name(*instruments: Instrument) -> dict[str, Instrument]:
    return {instrument.name: instrument for instrument in instruments}


PITCHED = _by_name(
    Instrument("grand piano", 0, "keys", 48, 93, -28, 0.01, ("piano", "acoustic piano")),
    Instrument("bright piano", 1, "keys", 48, 93, -29, 0.01, ("piano",)),
    Instrument("honky-tonk piano", 3, "keys", 52, 89, -29, 0.0, ("saloon piano",)),
    Instrument("Rhodes", 4, "keys", 52, 86, -21, 0.01, ("electric piano", "Rhodes piano")),
    Instrument(
        "FM electric piano", 5, "keys", 52, 86, -23, 0.01, ("electric piano", "digital piano")
    ),
    Instrument("harpsichord", 6, "keys", 52, 84, -25, 0.01),
    Instrument("clavinet", 7, "keys", 50, 79, -26, 0.0, ("funky clavinet",)),
    Instrument("celesta", 8, "mallets", 62, 93, -25, 0.01),
    Instrument("glockenspiel", 9, "mallets", 72, 95, -28, 0.03, ("bells",)),
    Instrument("music box", 10, "mallets", 67, 95, -27, 0.03),
    Instrument("vibraphone", 11, "mallets", 55, 88, -29, 0.01, ("vibes",)),
    Instrument("marimba", 12, "mallets", 52, 88, -25, 0.0),
    Instrument("xylophone", 13, "mallets", 65, 95, -38, 0.0),
    Instrument("kalimba", 108, "mallets", 57, 86, -32, 0.0, ("thumb piano",)),
    Instrument("steel drums", 114, "mallets", 57, 84, -25, 0.0, ("steel pan",)),
    Instrument("drawbar organ", 16, "organ", 50, 86, -23, 0.0, ("organ", "Hammond organ")),
    Instrument("percussive organ", 17, "organ", 50, 86, -22, 0.03, ("organ",)),
    Instrument("rock organ", 18, "organ", 50, 86, -24, 0.01, ("organ",)),
    Instrument("church organ", 19, "organ", 48, 84, -24, 0.07, ("pipe organ",)),
    Instrument("accordion", 21, "organ", 53, 86, -27, 0.03),
    Instrument("harmonica", 22, "organ", 57, 86, -26, 0.03, ("blues harp",)),
    Instrument("bandoneon", 23, "organ", 53, 84, -26, 0.03),
    Instrument(
        "nylon guitar", 24, "guitar", 45, 79, -25, 0.01, ("classical guitar", "Spanish guitar")
    ),
    Instrument("acoustic guitar", 25, "guitar", 45, 81, -26, 0.01, ("steel-string guitar",)),
    Instrument("jazz guitar", 26, "guitar", 45, 81, -19, 0.01, ("hollow-body guitar",)),
    Instrument(
        "clean guitar",
        27,
        "guitar",
        45,
        84,
        -20,
        0.01,
        ("clean electric guitar", "electric guitar"),
    ),
    Instrument("muted guitar", 28, "guitar", 45, 76, -30, 0.0, ("palm-muted guitar",)),
    Instrument(
        "overdriven guitar", 29, "guitar", 48, 86, -23, 0.03, ("crunchy guitar", "electric guitar")
    ),
    Instrument(
        "distorted guitar", 30, "guitar", 48, 86, -21, 0.01, ("distortion guitar", "heavy guitar")
    ),
    Instrument("banjo", 105, "folk strings", 50, 81, -29, 0.01),
    Instrument("sitar", 104, "folk strings", 50, 79, -27, 0.01),
    Instrument("koto", 107, "folk strings", 52, 86, -28, 0.0),
    Instrument("shamisen", 106, "folk strings", 52, 81, -30, 0.01),
    Instrument("harp", 46, "folk strings", 48, 93, -26, 0.01),
    Instrument("violin", 40, "strings", 55, 95, -26, 0.05, ("solo violin",)),
    Instrument("viola", 41, "strings", 48, 84, -26, 0.05),
    Instrument("cello", 42, "strings", 43, 74, -27, 0.07),
    Instrument("fiddle", 110, "strings", 55, 88, -25, 0.03),
    Instrument("tremolo strings", 44, "strings", 50, 88, -25, 0.09),
    Instrument("pizzicato strings", 45, "strings", 50, 86, -25, 0.01, ("plucked strings",)),
    Instrument("string ensemble", 48, "strings", 48, 91, -26, 0.07, ("strings", "lush strings")),
    Instrument(
        "slow strings", 49, "strings", 48, 88, -23, 0.15, ("strings", "soft strings"), slow=True
    ),
    Instrument("synth strings", 50, "synth", 48, 88, -11, 0.05, ("analog strings",), slow=True),
    Instrument("choir", 52, "voice", 48, 81, -26, 0.15, ("choir aahs", "voices"), slow=True),
    Instrument(
        "voice oohs", 53, "voice", 50, 81, -23, 0.05, ("vocals", "humming voices"), slow=True
    ),
    Instrument("synth voice", 54, "voice", 50, 84, -24, 0.07, ("vocoder voice",)),
    Instrument("trumpet", 56, "brass", 54, 86, -26, 0.01),
    Instrument("trombone", 57, "brass", 43, 70, -22, 0.03),
    Instrument("tuba", 58, "brass", 43, 60, -20, 0.03),
    Instrument("muted trumpet", 59, "brass", 54, 84, -24, 0.03, ("Harmon-muted trumpet",)),
    Instrument("French horn", 60, "brass", 45, 77, -23, 0.05, ("horn",)),
    Instrument("brass section", 61, "brass", 48, 82, -25, 0.03, ("brass", "horns")),
    Instrument("synth brass", 62, "synth", 48, 84, -14, 0.01),
    Instrument("soprano sax", 64, "reeds", 56, 88, -23, 0.03, ("soprano saxophone",)),
    Instrument("alto sax", 65, "reeds", 50, 81, -22, 0.03, ("saxophone", "alto saxophone")),
    Instrument("tenor sax", 66, "reeds", 46, 76, -24, 0.03, ("saxophone", "tenor saxophone")),
    Instrument("baritone sax", 67, "reeds", 43, 68, -26, 0.01, ("saxophone", "baritone saxophone")),
    Instrument("oboe", 68, "reeds", 58, 91, -24, 0.03),
    Instrument("English horn", 69, "reeds", 52, 81, -27, 0.01, ("cor anglais",)),
    Instrument("bassoon", 70, "reeds", 43, 72, -23, 0.03),
    Instrument("clarinet", 71, "reeds", 50, 89, -22, 0.01),
    Instrument("piccolo", 72, "flutes", 74, 95, -23, 0.03),
    Instrument("flute", 73, "flutes", 60, 95, -22, 0.05),
    Instrument("recorder", 74, "flutes", 62, 91, -22, 0.03),
    Instrument("pan flute", 75, "flutes", 60, 91, -23, 0.01),
    Instrument("shakuhachi", 77, "flutes", 67, 86, -20, 0.05),
    Instrument("ocarina", 79, "flutes", 60, 91, -22, 0.03),
    Instrument("square lead", 80, "synth", 50, 91, -11, 0.01, ("synth lead", "chiptune lead")),
    Instrument("saw lead", 81, "synth", 50, 88, -10, 0.01, ("synth lead", "sawtooth synth")),
    Instrument("calliope lead", 82, "synth", 55, 88, -9, 0.01, ("synth lead",)),
    Instrument("fantasia", 88, "synth", 55, 88, -10, 0.03, ("glassy synth",)),
    Instrument("warm pad", 89, "synth", 48, 84, -28, 0.15, ("synth pad", "soft pad"), slow=True),
    Instrument("polysynth", 90, "synth", 48, 86, -17, 0.03, ("analog synth", "synth")),
    Instrument("space pad", 91, "synth", 50, 86, -16, 0.09, ("choir pad", "airy pad"), slow=True),
    Instrument("halo pad", 94, "synth", 50, 86, -13, 0.11, ("synth pad",), slow=True),
    Instrument("crystal", 98, "synth", 60, 91, -16, 0.01, ("bell synth",)),
    Instrument("atmosphere", 99, "synth", 50, 86, -19, 0.09, ("atmospheric synth",)),
)

BASSES = _by_name(
    Instrument("upright bass", 32, "bass", level=-23, words=("double bass", "acoustic bass")),
    Instrument("fingered bass", 33, "bass", level=-24, words=("electric bass", "bass guitar")),
    Instrument("picked bass", 34, "bass", level=-25, words=("electric bass", "bass guitar")),
    Instrument("fretless bass", 35, "bass", level=-21),
    Instrument("slap bass", 36, "bass", level=-27, words=("funky slap bass",)),
    Instrument("synth bass", 38, "bass", level=-21, words=("analog bass",)),
    Instrument("deep synth bass", 39, "bass", level=-16, words=("synth bass", "sub bass")),
    Instrument("bass tuba", 58, "bass", level=-22, words=("tuba",)),
    Instrument("bowed contrabass", 43, "bass", level=-28, words=("contrabass",)),
    Instrument("bass cello", 42, "bass", level=-29, words=("cello",)),
)

KITS = _by_name(
    Instrument("acoustic kit", 0, "drums", level=-30, words=("drums", "live drums", "a drum kit")),
    Instrument("room kit", 8, "drums", level=-28, words=("drums", "roomy drums", "a drum kit")),
    Instrument("power kit", 16, "drums", level=-25, words=("drums", "big drums", "punchy drums")),
    Instrument(
        "electronic kit", 24, "drums", level=-26, words=("electronic drums", "a drum machine")
    ),
    Instrument(
        "808 kit", 25, "drums", level=-20, words=("808 drums", "a TR-808 beat", "a drum machine")
    ),
    Instrument("jazz kit", 32, "drums", level=-28, words=("drums", "jazz drums")),
    Instrument("brush kit", 40, "drums", level=-28, words=("brushed drums", "brushes")),
    Instrument("orchestral kit", 48, "drums", level=-27, words=("orchestral percussion", "drums")),
)
