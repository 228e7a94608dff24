"""The instruments of General MIDI that the band plays, by family, with the words for them."""

from __future__ import annotations

from typing import NamedTuple


class Instrument(NamedTuple):
    """A General MIDI instrument.

    Attributes:
        name: as a description calls it.
        program: of General MIDI, from 0; of percussion the kit.
        family: what it belongs to by its sound.
        low: lowest MIDI note of a lead on it, within the 53 notes of a melody.
        high: likewise the highest.
        words: other words for it.
        slow: its notes take time to swell, so that it plays long chords only.
        gain: what its volume is multiplied by, for some samples are several times louder.
    """

    name: str
    program: int
    family: str
    low: int = 55
    high: int = 84
    words: tuple[str, ...] = ()
    slow: bool = False
    gain: float = 1.0


def _by_name(*instruments: Instrument) -> dict[str, Instrument]:
    return {instrument.name: instrument for instrument in instruments}


PITCHED = _by_name(
    Instrument("grand piano", 0, "keys", 48, 93, ("piano", "acoustic piano")),
    Instrument("bright piano", 1, "keys", 48, 93, ("piano",)),
    Instrument("honky-tonk piano", 3, "keys", 52, 89, ("saloon piano",)),
    Instrument("Rhodes", 4, "keys", 52, 86, ("electric piano", "Rhodes piano")),
    Instrument("FM electric piano", 5, "keys", 52, 86, ("electric piano", "digital piano")),
    Instrument("harpsichord", 6, "keys", 52, 84),
    Instrument("clavinet", 7, "keys", 50, 79, ("funky clavinet",)),
    Instrument("celesta", 8, "mallets", 62, 93),
    Instrument("glockenspiel", 9, "mallets", 72, 95, ("bells",)),
    Instrument("music box", 10, "mallets", 67, 95),
    Instrument("vibraphone", 11, "mallets", 55, 88, ("vibes",)),
    Instrument("marimba", 12, "mallets", 52, 88),
    Instrument("xylophone", 13, "mallets", 65, 95),
    Instrument("kalimba", 108, "mallets", 57, 86, ("thumb piano",)),
    Instrument("steel drums", 114, "mallets", 57, 84, ("steel pan",)),
    Instrument("drawbar organ", 16, "organ", 50, 86, ("organ", "Hammond organ")),
    Instrument("percussive organ", 17, "organ", 50, 86, ("organ",)),
    Instrument("rock organ", 18, "organ", 50, 86, ("organ",)),
    Instrument("church organ", 19, "organ", 48, 84, ("pipe organ",)),
    Instrument("accordion", 21, "organ", 53, 86),
    Instrument("harmonica", 22, "organ", 57, 86, ("blues harp",)),
    Instrument("bandoneon", 23, "organ", 53, 84),
    Instrument("nylon guitar", 24, "guitar", 45, 79, ("classical guitar", "Spanish guitar")),
    Instrument("acoustic guitar", 25, "guitar", 45, 81, ("steel-string guitar",)),
    Instrument("jazz guitar", 26, "guitar", 45, 81, ("hollow-body guitar",), gain=0.75),
    Instrument(
        "clean guitar",
        27,
        "guitar",
        45,
        84,
        ("clean electric guitar", "electric guitar"),
        gain=0.75,
    ),
    Instrument("muted guitar", 28, "guitar", 45, 76, ("palm-muted guitar",)),
    Instrument("overdriven guitar", 29, "guitar", 48, 86, ("crunchy guitar", "electric guitar")),
    Instrument("distorted guitar", 30, "guitar", 48, 86, ("distortion guitar", "heavy guitar")),
    Instrument("banjo", 105, "folk strings", 50, 81),
    Instrument("sitar", 104, "folk strings", 50, 79),
    Instrument("koto", 107, "folk strings", 52, 86),
    Instrument("shamisen", 106, "folk strings", 52, 81),
    Instrument("harp", 46, "folk strings", 48, 93),
    Instrument("violin", 40, "strings", 55, 95, ("solo violin",)),
    Instrument("viola", 41, "strings", 48, 84),
    Instrument("cello", 42, "strings", 43, 74),
    Instrument("fiddle", 110, "strings", 55, 88),
    Instrument("tremolo strings", 44, "strings", 50, 88),
    Instrument("pizzicato strings", 45, "strings", 50, 86, ("plucked strings",)),
    Instrument("string ensemble", 48, "strings", 48, 91, ("strings", "lush strings")),
    Instrument("slow strings", 49, "strings", 48, 88, ("strings", "soft strings"), slow=True),
    Instrument("synth strings", 50, "synth", 48, 88, ("analog strings",), slow=True, gain=0.55),
    Instrument("choir", 52, "voice", 48, 81, ("choir aahs", "voices"), slow=True),
    Instrument("voice oohs", 53, "voice", 50, 81, ("vocals", "humming voices"), slow=True),
    Instrument("synth voice", 54, "voice", 50, 84, ("vocoder voice",)),
    Instrument("trumpet", 56, "brass", 54, 86),
    Instrument("trombone", 57, "brass", 43, 70),
    Instrument("tuba", 58, "brass", 43, 60),
    Instrument("muted trumpet", 59, "brass", 54, 84, ("Harmon-muted trumpet",)),
    Instrument("French horn", 60, "brass", 45, 77, ("horn",)),
    Instrument("brass section", 61, "brass", 48, 82, ("brass", "horns")),
    Instrument("synth brass", 62, "synth", 48, 84, gain=0.55),
    Instrument("soprano sax", 64, "reeds", 56, 88, ("soprano saxophone",)),
    Instrument("alto sax", 65, "reeds", 50, 81, ("saxophone", "alto saxophone")),
    Instrument("tenor sax", 66, "reeds", 46, 76, ("saxophone", "tenor saxophone")),
    Instrument("baritone sax", 67, "reeds", 43, 68, ("saxophone", "baritone saxophone")),
    Instrument("oboe", 68, "reeds", 58, 91),
    Instrument("English horn", 69, "reeds", 52, 81, ("cor anglais",)),
    Instrument("bassoon", 70, "reeds", 43, 72),
    Instrument("clarinet", 71, "reeds", 50, 89),
    Instrument("piccolo", 72, "flutes", 74, 95),
    Instrument("flute", 73, "flutes", 60, 95),
    Instrument("recorder", 74, "flutes", 62, 91),
    Instrument("pan flute", 75, "flutes", 60, 91),
    Instrument("shakuhachi", 77, "flutes", 55, 86),
    Instrument("whistle", 78, "flutes", 67, 95, ("whistling",)),
    Instrument("ocarina", 79, "flutes", 60, 91),
    Instrument("square lead", 80, "synth", 50, 91, ("synth lead", "chiptune lead"), gain=0.55),
    Instrument("saw lead", 81, "synth", 50, 88, ("synth lead", "sawtooth synth"), gain=0.45),
    Instrument("calliope lead", 82, "synth", 55, 88, ("synth lead",), gain=0.45),
    Instrument("fantasia", 88, "synth", 55, 88, ("glassy synth",), gain=0.5),
    Instrument("warm pad", 89, "synth", 48, 84, ("synth pad", "soft pad"), slow=True),
    Instrument("polysynth", 90, "synth", 48, 86, ("analog synth", "synth"), gain=0.65),
    Instrument("space pad", 91, "synth", 50, 86, ("choir pad", "airy pad"), slow=True, gain=0.75),
    Instrument("halo pad", 94, "synth", 50, 86, ("synth pad",), slow=True, gain=0.6),
    Instrument("crystal", 98, "synth", 60, 91, ("bell synth",), gain=0.7),
    Instrument("atmosphere", 99, "synth", 50, 86, ("atmospheric synth",)),
)

BASSES = _by_name(
    Instrument("upright bass", 32, "bass", words=("double bass", "acoustic bass")),
    Instrument("fingered bass", 33, "bass", words=("electric bass", "bass guitar")),
    Instrument("picked bass", 34, "bass", words=("electric bass", "bass guitar")),
    Instrument("fretless bass", 35, "bass"),
    Instrument("slap bass", 36, "bass", words=("funky slap bass",)),
    Instrument("synth bass", 38, "bass", words=("analog bass",)),
    Instrument("deep synth bass", 39, "bass", words=("synth bass", "sub bass")),
    Instrument("bass tuba", 58, "bass", words=("tuba",)),
    Instrument("bowed contrabass", 43, "bass", words=("contrabass",)),
    Instrument("bass cello", 42, "bass", words=("cello",)),
)

KITS = _by_name(
    Instrument("acoustic kit", 0, "drums", words=("drums", "live drums", "a drum kit")),
    Instrument("room kit", 8, "drums", words=("drums", "roomy drums", "a drum kit")),
    Instrument("power kit", 16, "drums", words=("drums", "big drums", "punchy drums")),
    Instrument("electronic kit", 24, "drums", words=("electronic drums", "a drum machine")),
    Instrument("808 kit", 25, "drums", words=("808 drums", "a TR-808 beat", "a drum machine")),
    Instrument("jazz kit", 32, "drums", words=("drums", "jazz drums")),
    Instrument("brush kit", 40, "drums", words=("brushed drums", "brushes")),
    Instrument("orchestral kit", 48, "drums", words=("orchestral percussion", "drums")),
)
