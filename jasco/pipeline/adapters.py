"""Adapters in a request: written as ``mine:0.8``, or named by the recipe of a take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.errors import CheckpointError, SettingError, shortened
from jasco.io.hub import HubOptions, is_repo_id

if TYPE_CHECKING:
    from jasco.adapters import Adapter
    from jasco.model import Jasco
    from jasco.pipeline.request import Request
    from jasco.recipe import Recipe

ADAPTER_KEYS: dict[str, tuple[type | tuple[type, ...], str, str]] = {
    "adapter": (
        (str, list),
        'adapters such as ["mine:0.8"]',
        "folder or Hub id of an adapter, with its weight; for several repeat the option",
    ),
}
"""Key of a request for adapters: types, the same in words, the line of ``--help``."""
MAX_ADAPTERS = 64
NO_ADAPTERS = "none"
"""Word in place of adapters, which leaves out those of a recipe."""


@dataclass(frozen=True)
class AdapterRequest:
    """Adapter of a request.

    Attributes:
        source: folder or Hub id.
        scale: weight of its update.
        revision, hash: commit and hash in the recipe that names it.
    """

    source: str
    scale: float = 1.0
    revision: str | None = None
    hash: str | None = None

    @classmethod
    def parse(cls, text: Any) -> AdapterRequest:
        """Read ``NAME`` or ``NAME:WEIGHT``.

        Raises:
            SettingError: no name, or one that is neither a folder nor a Hub id.
        """
        if isinstance(text, cls):
            return text
        if not isinstance(text, str) or not text.strip():
            raise SettingError(f"adapter is {shortened(text)}: give NAME or NAME:WEIGHT")
        source, _, number = text.rpartition(":")
        try:
            scale = float(number)
        except ValueError:
            source, scale = text, 1.0
        if not source or not abs(scale) <= 100:
            raise SettingError(f"adapter is {shortened(text)}: give NAME, or -100 to 100 after it")
        if not Path(source).expanduser().is_dir() and not is_repo_id(source):
            raise SettingError(f"adapter {shortened(source)} is neither a folder nor a Hub id")
        return cls(source, scale)


def read_adapters(value: Any) -> tuple[AdapterRequest, ...]:
    """Adapters of a value of the key ``adapter``; each may be named once.

    Raises:
        SettingError: a value that cannot be read, or an adapter that is named twice.
    """
    values = [value] if isinstance(value, str) else list(value or ())
    if values == [NO_ADAPTERS]:
        return ()
    found = tuple(map(AdapterRequest.parse, values))
    sources = [one.source for one in found]
    twice = [source for source in sources if sources.count(source) > 1]
    if twice or len(found) > MAX_ADAPTERS:
        named = f"adapter {twice[0]} is named twice" if twice else f"{len(found)} adapters"
        raise SettingError(f"{named}: give each once, at most {MAX_ADAPTERS}")
    return found


def resolved_adapters(value: Any, folder: Path) -> Any:
    """Value of the key ``adapter`` with relative folders taken from that of the request file."""

    def resolved(text: Any) -> Any:
        inside = isinstance(text, str) and (folder / text.rpartition(":")[0]).is_dir()
        whole = isinstance(text, str) and (folder / text).is_dir()
        return str(folder / text) if whole or (inside and ":" in text) else text

    return [resolved(text) for text in value] if isinstance(value, list) else resolved(value)


def adapters_of(recipe: Recipe) -> tuple[AdapterRequest, ...]:
    """Adapters of the recipe of a take."""
    return tuple(
        AdapterRequest(fact["source"], fact["scale"], fact["revision"], fact["hash"])
        for fact in recipe.adapters or ()
    )


def load_adapters(model: Jasco, wanted: Iterable[AdapterRequest], hub: HubOptions) -> None:
    """Load adapters into a model, each with its weight.

    Raises:
        CheckpointError: an adapter that is missing, or of another model.
    """
    for one in wanted:
        taken = list(model.loaded.adapters)
        model.load_adapter(_read(one, hub, True, taken), scale=one.scale)


class RequestAdapters:
    """Adapters of all requests, loaded into a model before the first take.

    Args:
        requests: requests.
        model: model that the adapters belong to.
        hub: access to the Hub.
        trusted: fetch adapters that recipes name from the Hub.

    Raises:
        CheckpointError: an adapter that is missing, or of another model.
        SettingError: an adapter of a recipe that has changed since.
    """

    def __init__(
        self, requests: Iterable[Request], model: Jasco, hub: HubOptions, *, trusted: bool = False
    ) -> None:
        self.model, self.names = model, dict[tuple[str, str | None], str]()
        for wanted in (one for request in requests for one in request.adapters):
            key = wanted.source, wanted.revision
            if key not in self.names:
                adapter = _read(wanted, hub, trusted, list(self.names.values()))
                self.names[key] = model.load_adapter(adapter, scale=0.0)

    def use(self, request: Request) -> None:
        """Weigh the loaded adapters as a request asks."""
        wanted = {self.names[one.source, one.revision]: one.scale for one in request.adapters}
        if {name: scale for name, scale in wanted.items() if scale} != self.model.active_adapters:
            self.model.set_adapters(list(wanted), list(wanted.values()))


def _read(wanted: AdapterRequest, hub: HubOptions, trusted: bool, taken: list[str]) -> Adapter:
    from jasco.adapters import read_adapter

    if wanted.hash is not None:
        hub = replace(hub, local_files_only=hub.local_files_only or not trusted)
    try:
        adapter = read_adapter(wanted.source, hub.at(wanted.revision))
    except CheckpointError as error:
        if wanted.hash is None:
            raise
        raise SettingError(
            f"the take was made with the adapter {wanted.source} ({wanted.hash}), which is not "
            f"here ({error}): give it as --adapter, or --yes to fetch it from the Hub"
        ) from error
    if wanted.hash not in (None, adapter.hash):
        raise SettingError(
            f"the take was made with the adapter {wanted.source} ({wanted.hash}), which has "
            f"changed ({adapter.hash}): give --adapter to use another, or --adapter none"
        )
    name, number = adapter.name, 1
    while adapter.name in taken:
        number += 1
        adapter = replace(adapter, name=f"{name}-{number}")
    return adapter
