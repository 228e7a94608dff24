"""DAWproject 1.0 (Bitwig, MIT): a zip file of ``project.xml``, ``metadata.xml`` and audio.

Read by Bitwig Studio, Studio One, Cubase and others. Elements stand in the order of the schema
(Project.xsd): ``Lanes``, ``Markers``, ``TempoAutomation``, ``TimeSignatureAutomation``. Beats are
quarter notes; audio lies on a timeline of seconds, so that no tempo stretches it. The format has no
chord track: chords are clips of their names, with their tones as notes.
"""

from __future__ import annotations

import io
import zipfile
from fractions import Fraction
from importlib.metadata import version
from itertools import count
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from jasco.session.session import NoteTrack, Session

_FOLDER = "audio"
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest in a zip file: the same session gives the same bytes


def dawproject_of(session: Session) -> bytes:
    """Bytes of the zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root in (("metadata", _metadata(session)), ("project", _Project(session).root)):
            part = zipfile.ZipInfo(f"{name}.xml", _TIME)
            archive.writestr(part, _document(root), zipfile.ZIP_DEFLATED)
        for name, data in session.files.items():  # samples hardly shrink
            part = zipfile.ZipInfo(f"{_FOLDER}/{name}.wav", _TIME)
            archive.writestr(part, data, zipfile.ZIP_STORED)
    return buffer.getvalue()


def _document(root: Element) -> bytes:
    indent(root, "  ")
    return tostring(root, encoding="UTF-8", xml_declaration=True)


def _metadata(session: Session) -> Element:
    root = Element("MetaData")
    SubElement(root, "Title").text = session.title
    text = "; ".join((f"Generated with Jasco {version('jasco')}", *session.notes))
    SubElement(root, "Comment").text = text
    return root


class _Project:
    """Document of a session.

    Attributes:
        root: its root element.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._ids = (f"id{number}" for number in count())
        chart = session.chart
        self.root = Element("Project", version="1.0")
        SubElement(self.root, "Application", name="Jasco", version=version("jasco"))
        transport = SubElement(self.root, "Transport")
        self.tempo, self.metre = next(self._ids), next(self._ids)
        bpm, first = chart.tempo_map[0].bpm, chart.bars[0].metre
        SubElement(transport, "Tempo", id=self.tempo, name="Tempo", unit="bpm", value=_number(bpm))
        signature = SubElement(transport, "TimeSignature", id=self.metre)
        signature.set("numerator", str(first.beats))
        signature.set("denominator", str(first.unit))
        self.structure = SubElement(self.root, "Structure")
        self.master = next(self._ids)
        arrangement = SubElement(self.root, "Arrangement", id=next(self._ids))
        self.lanes = SubElement(arrangement, "Lanes", id=next(self._ids), timeUnit="beats")
        for name in session.files:
            self._audio(name)
        for track in session.all_tracks:
            self._notes(track)
        master = self._track("Master", "audio notes", role="master")
        SubElement(self.lanes, "Clips", track=master, id=next(self._ids))
        if chart.sections:
            markers = SubElement(arrangement, "Markers", id=next(self._ids))
            for section in chart.sections:
                SubElement(markers, "Marker", time=_number(section.onset), name=section.name)
        self._automation(arrangement)

    def _track(self, name: str, content: str, role: str = "regular") -> str:
        """Add a track with its channel; returns the id of the track."""
        own = next(self._ids)
        track = SubElement(
            self.structure, "Track", contentType=content, loaded="true", id=own, name=name
        )
        channel = SubElement(track, "Channel", audioChannels="2", role=role)
        if role == "master":
            channel.set("id", self.master)
        else:
            channel.set("id", next(self._ids))
            channel.set("destination", self.master)
        return own

    def _audio(self, name: str) -> None:
        audio = self.session.audio[name]
        length = repr(audio.samples.shape[-1] / audio.sample_rate)
        clips = SubElement(
            self.lanes,
            "Clips",
            track=self._track(name, "audio"),
            id=next(self._ids),
            timeUnit="seconds",
        )
        clip = SubElement(clips, "Clip", time="0.0", duration=length, name=name)
        clip.set("contentTimeUnit", "seconds")
        clip.set("playStart", "0.0")
        sound = SubElement(clip, "Audio", id=next(self._ids), duration=length)
        sound.set("channels", str(len(audio.samples)))
        sound.set("sampleRate", str(audio.sample_rate))
        SubElement(sound, "File", path=f"{_FOLDER}/{name}.wav")

    def _notes(self, track: NoteTrack) -> None:
        """Track of one clip; of chords one clip each, which bears its name."""
        clips = SubElement(
            self.lanes, "Clips", track=self._track(track.name, "notes"), id=next(self._ids)
        )
        chart = self.session.chart
        if track.name != "chords":
            self._clip(clips, track.name, Fraction(0), chart.end, track)
            return
        for at, chord in enumerate(chart.chords):
            onset, length = self.session.chord_span(at)
            if length:
                notes = tuple(self.session.chord_notes(at))
                self._clip(clips, chord.name, onset, length, NoteTrack("", notes, track.channel))

    def _clip(
        self, clips: Element, name: str, onset: Fraction, length: Fraction, track: NoteTrack
    ) -> None:
        clip = SubElement(clips, "Clip", time=_number(onset), duration=_number(length), name=name)
        clip.set("playStart", "0.0")
        notes = SubElement(clip, "Notes", id=next(self._ids))
        for note in track.notes:
            SubElement(
                notes,
                "Note",
                time=_number(note.onset - onset),
                duration=_number(note.length),
                channel=str(track.channel),
                key=str(note.key),
                vel=f"{note.velocity / 127:.6f}",
            )

    def _automation(self, arrangement: Element) -> None:
        """Tempo map and metres, where they change."""
        chart = self.session.chart
        if len(chart.tempo_map) > 1:
            points = SubElement(arrangement, "TempoAutomation", unit="bpm", id=next(self._ids))
            SubElement(points, "Target", parameter=self.tempo)
            for change in chart.tempo_map:
                point = SubElement(points, "RealPoint", time=_number(change.onset))
                point.set("value", _number(change.bpm))
                point.set("interpolation", "hold")
        if len({bar.metre for bar in chart.bars}) > 1:
            points = SubElement(arrangement, "TimeSignatureAutomation", id=next(self._ids))
            SubElement(points, "Target", parameter=self.metre)
            before = None
            for bar in chart.bars:
                if bar.metre != before:
                    point = SubElement(points, "TimeSignaturePoint", time=_number(bar.onset))
                    point.set("numerator", str(bar.metre.beats))
                    point.set("denominator", str(bar.metre.unit))
                before = bar.metre


def _number(value: Fraction) -> str:
    return repr(float(value))
