"""Files of a local folder or of a repository on the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jasco.errors import CheckpointError

# Both become parts of a path in the cache, so they must not hold "..".
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
_REPO_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True)
class HubOptions:
    """Access to the Hub.

    Attributes:
        revision: branch, tag or commit.
        cache_dir: cache folder in place of the user's.
        local_files_only: use only the cache.
        token: access token, true for the stored one, or false for none.
    """

    revision: str | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False
    token: str | bool | None = None

    def at(self, revision: str | None) -> HubOptions:
        """Copy of the options for another revision."""
        return HubOptions(revision, self.cache_dir, self.local_files_only, self.token)


@dataclass(frozen=True)
class Located:
    """Local folder of the files, and their commit (``None`` where no Hub was involved)."""

    folder: Path
    revision: str | None


def locate(name_or_path: str | Path, patterns: Sequence[str], hub: HubOptions) -> Located:
    """Local folder of a path or Hub id, downloaded where it is not in the cache.

    Args:
        name_or_path: folder, or Hub id such as ``facebook/jasco-chords-drums-400M``.
        patterns: patterns of the required files.
        hub: access to the Hub.

    Raises:
        CheckpointError: there is no such folder or repository, the Hub cannot be reached, or the
            licence has not been accepted; the message names the remedy.
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
    """True for a possible name of a Hub repository: ``owner/name`` or ``name``."""
    return isinstance(name, str) and len(name) <= 96 and bool(_REPO_ID.fullmatch(name))


def fetch(name: str, patterns: Sequence[str], hub: HubOptions) -> Located:
    """Local copy of a repository on the Hub, also where a folder of the same name exists.

    Args:
        name: Hub id.
        patterns: patterns of the required files.
        hub: access to the Hub.

    Raises:
        CheckpointError: see `locate`.
    """
    if hub.revision is not None and not _REVISION.fullmatch(hub.revision):
        raise CheckpointError(f"{hub.revision!r:.80} is no branch, tag or commit of {name!r}")
    # Imported here: a local model needs no network.
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
    """Name for a message, escaped where it cannot be printed."""
    return name if name.isprintable() and len(name) <= 200 else f"{name!a:.200}"
