"""Write ``assets/judge/requests.jsonl``: 200 songs of the band as requests of `jasco-judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jasco.band.compose import compose_song
from jasco.io.jsonl import write_lines

COUNT, SECONDS = 200, 10.0
PLACE = Path(__file__).parents[1] / "assets/judge/requests.jsonl"
_MODES = {"dorian": "minor", "mixolydian": "major"}


def request_of(number: int) -> dict[str, Any]:
    """Request of a song, with the seed that composes it."""
    seed = f"judge {number}"
    song = compose_song(seed, SECONDS)
    tonic, mode = song.key.split()
    lead = song.parts.get("lead")
    asked = {
        "chords": [[name, round(onset, 3)] for name, onset in song.chords.pairs()],
        "melody": [[n.pitch, round(n.onset, 3), round(n.offset, 3)] for n in lead.notes]
        if lead
        else [],
        "drums": sorted({round(hit.onset, 3) for hit in song.hits}),
    }
    return {
        "id": f"band-{number:03}",
        "song": seed,
        "text": song.description,
        "duration": SECONDS,
        "tempo": song.facts["pulse"],
        "key": f"{tonic} {_MODES.get(mode, mode)}",
        **{name: value for name, value in asked.items() if value},
    }


if __name__ == "__main__":
    PLACE.parent.mkdir(exist_ok=True)
    write_lines(PLACE, [request_of(number) for number in range(COUNT)])
    print(PLACE)
