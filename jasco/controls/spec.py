"""Specification of a control: its name, its parts, and how requests give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from jasco.control_value import ControlValue
from jasco.errors import (
    ConditionError,
    JascoError,
    MissingPartError,
    SettingError,
    shortened,
)
from jasco.io.kinds import RECORDING


@dataclass(frozen=True)
class ReadingOption:
    """Key of a request that says how to read a control.

    Attributes:
        types: types of its value.
        words: the same in words.
        help: line of ``--help``.
        keyword: keyword of `ControlValue.of`, where it is not the key.
        argument: further keywords of `argparse.ArgumentParser.add_argument`.
    """

    types: type | tuple[type, ...]
    words: str
    help: str
    argument: Mapping[str, Any] = field(default_factory=dict)
    keyword: str | None = None


@dataclass(frozen=True)
class ExtractorSpec:
    """Specification of an extractor of a control.

    Attributes:
        function: function from a recording to a form of the value.
        require: function that raises a `MissingPartError` where its parts are not installed; empty
            for a default that stands alone.
        on_request: used only where it is named.
    """

    function: str
    require: str = ""
    on_request: bool = False

    @property
    def installed(self) -> bool:
        """The parts that it needs are installed."""
        return self.obstacle is None

    @property
    def obstacle(self) -> MissingPartError | None:
        """Error of a part that is not installed; ``None`` without one."""
        try:
            if self.require:
                imported(self.require)()
        except MissingPartError as error:
            return error
        return None


@dataclass(frozen=True, kw_only=True)
class ControlSpec:
    """Specification of a control.

    Parts are dotted paths, as ``_target_`` is in configurations, and imported where they are
    needed: the command line reads this before torch is imported.

    Attributes:
        name: name of the control; ``--NAME``, and a key of requests, manifests and recipes.
        value: `jasco.control_value.ControlValue` of a clip.
        conditioner: `jasco.conditioners.Conditioner` that encodes it.
        adherence: `jasco.adherence.controls.ControlAdherence` that compares a recording with it.
        stage: `jasco.prepare.stages.stage.Stage` that prepares it.
        extractors: extractors for ``--NAME-from`` by name; the first that is installed is the
            default.
        player: function from the value and the tempo (``bpm``, ``time_signature``) to a
            `jasco.played.PlayedDrums`, or ``None`` for a value that is none; for audio controls.
        files: kinds of file that ``--NAME`` reads, of `jasco.io.kinds`.
        help: line of ``--help`` for ``--NAME``.
        extractor_help: line of ``--help`` for ``--NAME-from``.
        types: types of the key in a request.
        words: the same in words.
        metavar: placeholder of ``--NAME`` in ``--help``.
        error: error of a file that cannot be read.
        options: keys of a request that say how to read the control.
        written: suffixes of files of a control that a request may also spell out as a text.
    """

    name: str
    value: str
    conditioner: str
    adherence: str
    stage: str
    extractors: Mapping[str, ExtractorSpec]
    files: tuple[str, ...]
    help: str
    extractor_help: str
    types: tuple[type, ...] = (str, Path)
    words: str = "the path of a file"
    metavar: str | None = "FILE"
    error: type[JascoError] = ConditionError
    options: Mapping[str, ReadingOption] = field(default_factory=dict)
    written: tuple[str, ...] = ()
    player: str = ""

    @property
    def is_audio(self) -> bool:
        """The value is audio, of which only the part of the clip is read."""
        return RECORDING in self.files

    @property
    def value_class(self) -> type[ControlValue]:
        """Class of the values."""
        found: type[ControlValue] = imported(self.value)
        return found

    def installed_extractors(self) -> list[str]:
        """Names of the extractors that are installed and used without being named."""
        return [n for n, spec in self.extractors.items() if not spec.on_request and spec.installed]

    def find_extractor(self, name: str | None = None) -> tuple[str, Callable[[Any], Any]]:
        """Name of an extractor, and its function from a recording to a form of the value.

        Args:
            name: extractor; ``None`` for the first that is installed.

        Raises:
            SettingError: an unknown name.
            MissingPartError: it is not installed, or none is.
        """
        if name is not None and name not in self.extractors:
            known = " or ".join(self.extractors)
            raise SettingError(f"no extractor {shortened(name)} of {self.name}: give {known}")
        obstacles = []
        for candidate, spec in self.extractors.items():
            if name != candidate and (name is not None or spec.on_request):
                continue
            if (obstacle := spec.obstacle) is None:
                return candidate, imported(spec.function)
            obstacles.append(obstacle)
        raise MissingPartError("; or ".join(map(str, obstacles)))


@cache
def imported(path: str) -> Any:
    """Part of a dotted path, imported once."""
    return resolve_name(path)
