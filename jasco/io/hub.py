"""Finding files: a local folder, or a repository on the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from jasco.errors import CheckpointError

# Both become parts of a path in the cache.
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
_REPO_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True)
class HubOptions:
    """How to reach the Hub.

    Attributes:
        revision: branch, tag or commit.
        cache_dir: cache folder in place of the user's.
        local_files_only: take only what the cache holds.
        token: access token, or whether to use the stored one.
    """

    revision: str | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False
    token: str | bool | None = None

    def at(self, revision: str | None) -> HubOptions:
        """The same options for another repository's revision."""
        return HubOptions(revision, self.cache_dir, self.local_files_only, self.token)


@dataclass(frozen=True)
class Located:
    """A folder with the files, and the commit it was fetched at (``None`` for a local folder)."""

    folder: Path
    revision: str | None


def locate(name_or_path: str | Path, patterns: Sequence[str], hub: HubOptions) -> Located:
    """The local folder of a path or Hub id, fetched where it is not there yet.

    Args:
        name_or_path: a folder, or a Hub id such as ``facebook/jasco-chords-drums-400M``.
        patterns: the files that are wanted of a repository.
        hub: how to reach the Hub.

    Raises:
        CheckpointError: there is no such folder or repository, it cannot be reached, or its licence
            has not been accepted; the message says what to do.
    """
    name = os.fspath(name_or_path)
    folder = os.path.expanduser(name)
    if os.path.isdir(folder):
        return Located(Path(folder), None)
    if not is_repo_id(name):
        raise CheckpointError(
            f"{_shown(name)}: no such folder, and not a Hub id (owner/name) either"
        )
    return fetch(name, patterns, hub)


def is_repo_id(name: object) -> bool:
    """Whether a name may be that of a repository on the Hub: ``owner/name``, or ``name`` alone."""
    return isinstance(name, str) and len(name) <= 96 and bool(_REPO_ID.fullmatch(name))


def fetch(name: str, patterns: Sequence[str], hub: HubOptions) -> Located:
    """The local copy of a repository on the Hub, whatever folders are here.

    Args:
        name: Hub id.
        patterns: the files that are wanted of it.
        hub: how to reach the Hub.

    Raises:
        CheckpointError: as in `locate`.
    """
    if hub.revision is not None and not _REVISION.fullmatch(hub.revision):
        raise CheckpointError(f"{hub.revision!r:.80} is no branch, tag or commit of {name!r}")
    try:
        folder = snapshot_download(
            name,
            revision=hub.revision,
            cache_dir=hub.cache_dir,
            local_files_only=hub.local_files_only,
            token=hub.token,
            allow_patterns=list(patterns),
        )
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name} is gated: accept its licence on its Hub page, then log in with "
            "`hf auth login` or pass token="
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{name} has no revision {hub.revision!r} on the Hub") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"{name} is neither a folder here nor a repository on the Hub that you may read: check "
            "the spelling, or log in with `hf auth login` if it is private"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        where = hub.cache_dir or "the Hub cache"
        raise CheckpointError(
            f"{name} (revision {hub.revision or 'main'}) is not in {where} and the Hub was not "
            "reached: connect and run once without HF_HUB_OFFLINE and local_files_only, or pass a "
            "local folder"
        ) from error
    except HFValidationError as error:
        raise CheckpointError(f"{name} is not a folder here and not a valid Hub id") from error
    except (HfHubHTTPError, OSError) as error:
        raise CheckpointError(f"{name} could not be fetched from the Hub: {error}") from error
    return Located(Path(folder), Path(folder).name)


def _shown(name: str) -> str:
    """A name for a message: as it is where it can be printed, else escaped."""
    return name if name.isprintable() and len(name) <= 200 else f"{name!a:.200}"
