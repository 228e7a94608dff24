"""Notes from note-on and note-off messages, pedal and all-notes-off."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jasco.melody.smf import CONTROL, NOTE_OFF, NOTE_ON, ChannelMessage

SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123
"""Controllers that end or hold notes; from `ALL_NOTES_OFF` to 127 they end all notes."""


class TickNote(NamedTuple):
    """Note from the tick ``onset`` to the tick ``offset`` on a channel (0 to 15)."""

    onset: int
    offset: int
    channel: int
    key: int
    velocity: int


@dataclass(frozen=True)
class Pairing:
    """Notes of a track, and numbers of the ambiguous ones.

    Attributes:
        notes: notes in order of their onsets.
        endless: number of notes without a note-off, held to the last note-off of the key or the
            end of the track.
        sustained: number of notes that the pedal holds beyond their key.
        empty: number of notes without length, which are dropped.
    """

    notes: tuple[TickNote, ...]
    endless: int
    sustained: int
    empty: int


def pair_notes(
    messages: Sequence[ChannelMessage],
    end: int,
    governed: Mapping[int, Iterable[int]] | None = None,
) -> Pairing:
    """Pair note-ons with note-offs, first in first out for each key of each channel.

    A note-off ends the oldest sounding strike of its key, and the last note-off of a key all of
    them, because the key is up then. Other notes without a note-off last to ``end``. While the
    pedal of a channel is down, released notes last until the pedal is released.

    Args:
        messages: messages of one track in order of time; only notes and controllers are read.
        end: tick of the end of the track.
        governed: channel -> channels to which its controllers apply too (the zones of MPE).
    """
    last_off = {
        (message.channel, message.first): number
        for number, message in enumerate(messages)
        if message.kind == NOTE_OFF
    }
    channels = [_Channel(number) for number in range(16)]
    endless = 0
    for number, message in enumerate(messages):
        tick, kind, channel, key, velocity = message
        if kind == NOTE_ON:
            channels[channel].struck.setdefault(key, deque()).append((tick, velocity))
        elif kind == NOTE_OFF:
            is_last = last_off[channel, key] == number
            endless += channels[channel].let_go(key, tick, all_strikes=is_last)
        elif kind == CONTROL:
            for each in {channel, *(governed or {}).get(channel, ())}:
                channels[each].control(message.first, message.second, tick)
    for one in channels:
        endless += sum(len(queue) for queue in one.struck.values())
        one.control(SUSTAIN, 0, end)
        one.control(ALL_NOTES_OFF, 0, end)
    notes = [note for one in channels for note in one.notes]
    whole = tuple(sorted(note for note in notes if note.offset > note.onset))
    sustained = sum(one.sustained for one in channels)
    return Pairing(whole, endless, sustained, len(notes) - len(whole))


@dataclass
class _Channel:
    """Sounding notes of a channel: keys that are down, and notes that only the pedal holds."""

    number: int
    struck: dict[int, deque[tuple[int, int]]] = field(default_factory=dict)
    pedal: bool = False
    held: list[TickNote] = field(default_factory=list)
    notes: list[TickNote] = field(default_factory=list)
    sustained: int = 0

    def let_go(self, key: int, tick: int, *, all_strikes: bool) -> int:
        """End the oldest strike of a key, or all; returns the number after the oldest."""
        queue = self.struck.get(key, ())
        count = len(queue) if all_strikes else min(len(queue), 1)
        for _ in range(count):
            onset, velocity = self.struck[key].popleft()
            note = TickNote(onset, tick, self.number, key, velocity)
            (self.held if self.pedal else self.notes).append(note)
        if count and not queue:
            del self.struck[key]
        return max(count - 1, 0)

    def control(self, controller: int, value: int, tick: int) -> None:
        """Apply a controller that ends or holds notes."""
        if controller == SUSTAIN and value >= 64:
            self.pedal = True
            return
        if controller >= ALL_NOTES_OFF or controller == ALL_SOUND_OFF:
            for key in list(self.struck):
                self.let_go(key, tick, all_strikes=True)
        if controller in (SUSTAIN, RESET_CONTROLLERS):
            self.pedal = False
        if controller in (SUSTAIN, RESET_CONTROLLERS, ALL_SOUND_OFF):
            for note in self.held:
                self.sustained += tick > note.offset
                self.notes.append(note._replace(offset=max(tick, note.offset)))
            self.held.clear()
