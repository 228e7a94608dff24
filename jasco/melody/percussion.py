"""Detection of the channels of a MIDI track whose notes are drum strokes.

Channel 10 is drums in General MIDI, but not in MPE (RP-053), where each note has a channel of its
own. Banks and messages of GM2, GS and XG declare other channels as drums, or channel 10 as pitched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from jasco.melody.pairing import TickNote
from jasco.melody.smf import CONTROL, PROGRAM, ChannelMessage, Message, Sysex

DRUM_CHANNEL = 9
"""Channel 10, counted from 0."""

_BANK, _DATA_ENTRY, _RPN_FINE, _RPN_COARSE = 0, 6, 100, 101
_MPE_CONFIGURATION = (0, 6)  # registered parameter, coarse and fine
_GM2_DRUMS, _GM2_MELODY, _XG_DRUMS = 120, 121, (126, 127)
_DRUM_WORDS = re.compile(r"drum|percussion|\bperc\b|\bkit\b|schlagzeug|batter|bateria", re.I)
_LEAST_CHANNELS = 3  # of a track with a channel for each note


@dataclass
class ChannelUse:
    """Use of the channels, declared by the messages of a sequence.

    Attributes:
        zones: manager channel of MPE -> its member channels.
        drums, melodic: channels that a bank or a GS message declares as drums or as pitched.
        programs: channel -> its programs.
        is_reset: true after a reset to GM, GS or XG, whose conventions then apply.
    """

    zones: dict[int, frozenset[int]] = field(default_factory=dict)
    drums: set[int] = field(default_factory=set)
    melodic: set[int] = field(default_factory=set)
    programs: dict[int, set[int]] = field(default_factory=dict)
    is_reset: bool = False
    _is_xg: bool = False
    _parameter: dict[int, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, messages: Iterable[Message]) -> ChannelUse:
        """Use of the channels by the messages of a sequence, in order of time."""
        use = cls()
        for message in messages:
            if isinstance(message, Sysex):
                use._exclusive(message.data)
            elif isinstance(message, ChannelMessage):
                if message.kind == PROGRAM:
                    use.programs.setdefault(message.channel, set()).add(message.first)
                elif message.kind == CONTROL:
                    use._control(message.channel, message.first, message.second)
        return use

    def _declare(self, channel: int, *, drums: bool) -> None:
        (self.drums if drums else self.melodic).add(channel)
        (self.melodic if drums else self.drums).discard(channel)

    def _exclusive(self, data: bytes) -> None:
        """Resets (GM, GM2, GS, XG) and the GS message "use for rhythm part"."""
        if data[:1] == b"\x7e" and data[2:3] == b"\x09" and data[3:4] in (b"\x01", b"\x03"):
            self.is_reset = True
        elif data[:1] == b"\x43" and data[2:7] == b"\x4c\x00\x00\x7e\x00":
            self.is_reset = self._is_xg = True
        elif data[:1] == b"\x41" and data[2:4] == b"\x42\x12" and len(data) >= 8:
            high, middle, low, value = data[4:8]
            if (high, middle, low) == (0x40, 0x00, 0x7F):
                self.is_reset = True
            elif high == 0x40 and middle & 0xF0 == 0x10 and low == 0x15:
                part = middle & 0x0F  # part 0 is channel 10, parts 1 to 9 are channels 1 to 9
                channel = DRUM_CHANNEL if part == 0 else part - 1 if part <= 9 else part
                self._declare(channel, drums=value > 0)

    def _control(self, channel: int, controller: int, value: int) -> None:
        """Banks, and the configuration of MPE, which comes as a registered parameter."""
        if controller == _BANK:
            if value == _GM2_DRUMS or (self._is_xg and value in _XG_DRUMS):
                self._declare(channel, drums=True)
            elif value == _GM2_MELODY:
                self._declare(channel, drums=False)
        elif controller in (_RPN_FINE, _RPN_COARSE):
            self._parameter.setdefault(channel, {})[controller] = value
        elif controller == _DATA_ENTRY and channel in (0, 15):
            chosen = self._parameter.get(channel, {})
            if (chosen.get(_RPN_COARSE), chosen.get(_RPN_FINE)) == _MPE_CONFIGURATION:
                count = min(value, 15)
                members = range(1, 1 + count) if channel == 0 else range(15 - count, 15)
                self.zones[channel] = frozenset(members)


def drum_channels(
    notes: Collection[TickNote], names: Iterable[str], use: ChannelUse
) -> tuple[frozenset[int], bool]:
    """Channels of a track that are drums; true where the track has a channel for each note.

    Args:
        notes: notes of the track.
        names: names of the track and its instrument.
        use: use of the channels in its sequence.
    """
    played = {note.channel for note in notes}
    drums = use.drums | ({DRUM_CHANNEL} - use.melodic)
    zoned = frozenset().union(*use.zones.values())
    if played & zoned:
        return frozenset(played & drums - zoned), True
    if (
        DRUM_CHANNEL in played & drums - use.drums
        and not any(_DRUM_WORDS.search(name) for name in names)
        and _has_channel_per_note(notes, played, use)
    ):
        return frozenset(), True
    return frozenset(played & drums), False


def _has_channel_per_note(notes: Collection[TickNote], played: set[int], use: ChannelUse) -> bool:
    """True for adjacent monophonic channels of one program, without a reset to GM."""
    if use.is_reset or use.drums & played:
        return False
    if len(played) < max(_LEAST_CHANNELS, max(played) - min(played) + 1):
        return False
    if len({frozenset(use.programs.get(channel, ())) for channel in played}) > 1:
        return False
    free = dict.fromkeys(played, 0)
    for note in sorted(notes):
        if note.onset < free[note.channel]:
            return False
        free[note.channel] = note.offset
    return True
