"""Models of the studio: the one that is loaded, and the loading of another."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jasco.errors import SettingError
from jasco.io.hub import HubOptions, is_repo_id
from jasco.model import Jasco
from jasco.pipeline.adapters import read_adapters
from jasco.pipeline.source import ModelSource

PUBLISHED = tuple(
    f"facebook/jasco-chords-drums{melody}-{size}"
    for size in ("400M", "1B")
    for melody in ("", "-melody")
)
"""Published models, which are downloaded when they are chosen."""

_WARM_UP = 0.5  # s of a first clip
_WAIT = 0.5  # s between two looks at a download


class Models:
    """Model in use, loaded in the background from the beginning on.

    Args:
        source: model at the beginning; others are loaded with its options, at their newest
            revision.
        adapters: folders or Hub ids of adapters that a page may choose.

    Attributes:
        adapters: folder or Hub id of an adapter, by its name on the page.

    Raises:
        SettingError: an adapter that is neither a folder nor a Hub id.
    """

    def __init__(self, source: ModelSource, adapters: Sequence[str] = ()) -> None:
        self.adapters = {Path(one.source).name: one.source for one in read_adapters(list(adapters))}
        self._source, self.name = source, source.name
        self._allowed = tuple(dict.fromkeys((self.name, "demo", *PUBLISHED)))
        self._lock = threading.Lock()
        self._model: Jasco | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._load, args=(self.name,), daemon=True)
        self._thread.start()

    @property
    def names(self) -> tuple[str, ...]:
        """Names that a page may choose."""
        return self._allowed

    @property
    def hub(self) -> HubOptions:
        """Access to the Hub for adapters."""
        return self._source.hub

    def get(self) -> Jasco:
        """Model in use; waits for it.

        Raises:
            JascoError: it could not be loaded.
        """
        self._thread.join()
        if self._model is None and self._error is not None:
            raise self._error
        if self._model is None:
            raise SettingError("no model is loaded: choose one")
        return self._model

    def choose(self, name: Any) -> Generator[dict[str, Any]]:
        """Load another model; yields the bytes that are downloaded, then its facts.

        Raises:
            JascoError: the name is not offered, or the model cannot be loaded; the one before
                stays.
        """
        if name not in self._allowed:
            raise SettingError(f"model is {name!r:.80}: choose one of {', '.join(self._allowed)}")
        with self._lock:
            self._thread.join()
            if name != self.name or self._model is None:
                self._thread = threading.Thread(target=self._load, args=(name,), daemon=True)
                self._thread.start()
                while self._thread.is_alive():
                    self._thread.join(_WAIT)
                    yield {"event": "loading", "bytes": _downloaded(name, self._source.cache_dir)}
                if self._error is not None:
                    error, self._error = self._error, None
                    raise error
        yield {"event": "model", **self.facts()}

    def facts(self) -> dict[str, Any]:
        """Facts of the model in use for the page."""
        model = self.get()
        return {
            "name": self.name,
            "controls": list(model.controls),
            "segment": model.segment_duration,
            "sample_rate": model.sample_rate,
            "steps": getattr(model.solver, "steps", None),
            "guidance": dict(model.guidance),
        }

    def _load(self, name: str) -> None:
        try:
            revision = self._source.revision if name == self._source.name else None
            found = replace(self._source, name=name, revision=revision).load()
            found.generate("", duration=_WARM_UP, steps=1)  # so that no first take waits longer
            self._model, self.name, self._error = found, name, None
        except Exception as error:
            self._error = error


def _downloaded(name: str, cache_dir: str | None) -> int:
    """Bytes of a model in the Hub cache, with those of an unfinished download."""
    from huggingface_hub.constants import HF_HUB_CACHE

    if not is_repo_id(name):
        return 0
    folder = Path(cache_dir or HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "blobs"
    return sum(path.stat().st_size for path in folder.glob("*")) if folder.is_dir() else 0
