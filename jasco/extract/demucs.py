"""Pretrained Demucs separators, loaded without executing code from their files.

The ``demucs`` package imports any class that a file names, and unpickles older files. Here a file
contributes data only: the name of one of two allowed classes, its arguments, and tensors.
"""

from __future__ import annotations

import inspect
import os
import re
import urllib.error
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from jasco.errors import CheckpointError, JascoError, MissingPartError
from jasco.io.files import regular_file
from jasco.io.hub import HubOptions, locate
from jasco.io.plain import parse_json, read_yaml
from jasco.io.torch_files import read_torch, require_finite, state_of

DEFAULT_MODEL = "htdemucs"
TORCHAUDIO_MODEL = "HDEMUCS_HIGH_MUSDB_PLUS"
VARIABLE = "JASCO_DEMUCS_WEIGHTS"
_FILES = ("*.yaml", "*.safetensors")  # of a repository
OWNER = "adefossez"


class DrumNetwork(nn.Module):
    """Drum separation network: the weighted mean of the drums of one or more separators.

    Args:
        networks: modules from (B, channels, samples) to (B, sources, channels, samples) with an
            attribute ``sources``, names that include ``"drums"``.
        weights: weight of each network, equal by default; a network of weight 0 is skipped.
        sample_rate: sample rate (Hz).
        segment: length of the input (s).

    Raises:
        CheckpointError: no network, no drums among the sources, or unfit weights.
    """

    def __init__(
        self,
        networks: Sequence[Any],
        weights: Sequence[float] | None = None,
        *,
        sample_rate: int,
        channels: int,
        segment: float | Fraction,
    ) -> None:
        super().__init__()
        weights = [1.0] * len(networks) if weights is None else weights
        if len(weights) != len(networks) or not all(w >= 0 for w in weights) or not sum(weights):
            raise CheckpointError(f"weights {list(weights)} do not fit {len(networks)} networks")
        used = [(net, weight) for net, weight in zip(networks, weights, strict=True) if weight]
        self.networks = nn.ModuleList(net for net, _ in used)
        self.weights = [weight / sum(weights) for _, weight in used]
        try:
            self.places = [list(net.sources).index("drums") for net, _ in used]
        except ValueError as error:
            raise CheckpointError("the separator has no source named 'drums'") from error
        self.sample_rate = sample_rate
        self.channels = channels
        self.segment = segment

    def forward(self, mix: Tensor) -> Tensor:
        """Drums (B, channels, samples) of mixes of the same shape, ``segment`` seconds long."""
        drums = torch.zeros_like(mix)
        for network, weight, place in zip(self.networks, self.weights, self.places, strict=True):
            drums += weight * network(mix)[:, place]
        return drums


def load_drum_network(model: str | os.PathLike[str] | None = None) -> DrumNetwork:
    """Load a pretrained separator, in evaluation mode on the CPU.

    Args:
        model: a name of Demucs (``htdemucs``, ``htdemucs_ft``, ``hdemucs_mmi``, ...) or a Hub id,
            fetched on first use; a folder with what such a repository holds; a ``.safetensors``
            file of it; a ``.th`` file of Demucs 4; ``HDEMUCS_HIGH_MUSDB_PLUS`` for that of
            torchaudio. ``None`` for what the environment variable ``JASCO_DEMUCS_WEIGHTS`` names,
            else ``htdemucs``.

    Raises:
        MissingPartError: demucs or torchaudio is not installed, or the weights cannot be fetched.
        CheckpointError: the file or folder holds something else.
    """
    name = os.fspath(model or os.environ.get(VARIABLE) or DEFAULT_MODEL)
    if name == TORCHAUDIO_MODEL:
        return _from_torchaudio()
    _classes()
    path = Path(name).expanduser()
    if path.is_file():
        return _bag([_read_network(path)])
    if path.suffix in (".safetensors", ".th"):
        raise CheckpointError(f"there is no separator at {path}: no such file")
    if path.is_dir():
        return _read_folder(path)
    try:
        return _read_folder(locate(_hub_id(name), _FILES, HubOptions()).folder)
    except CheckpointError as error:
        raise MissingPartError(
            f"the separator {name!r} is not here: {error}; on a machine without network set "
            f"{VARIABLE} to a folder or file fetched elsewhere"
        ) from error


def find_drum_weights() -> Path | None:
    """Place of the weights that `load_drum_network` takes, ``None`` before they are fetched.

    The Hub is not asked.

    Raises:
        MissingPartError: demucs is not installed.
    """
    name = os.environ.get(VARIABLE) or DEFAULT_MODEL
    path = Path(name).expanduser()
    if path.exists():
        return path
    _classes()
    try:
        found = locate(_hub_id(name), _FILES, HubOptions(local_files_only=True)).folder
    except CheckpointError:
        return None
    return found if any(found.glob("*.safetensors")) else None


def _hub_id(name: str) -> str:
    from demucs.hf import hf_repo_name

    return name if "/" in name else f"{OWNER}/{hf_repo_name(name)}"


def _classes() -> dict[str, type[nn.Module]]:
    """Network classes that a file may name."""
    try:
        from demucs.hdemucs import HDemucs
        from demucs.htdemucs import HTDemucs
    except ImportError as error:
        raise MissingPartError(
            "drums out of a song need Demucs: pip install 'jasco[drums]'"
        ) from error
    return {f"{c.__module__}.{c.__qualname__}": c for c in (HTDemucs, HDemucs)}


_SIGNATURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _read_folder(folder: Path) -> DrumNetwork:
    recipes = sorted(folder.glob("*.yaml"))
    if len(recipes) != 1:
        raise CheckpointError(
            f"{folder} holds {len(recipes)} .yaml files instead of the one that describes a "
            "separator of Demucs"
        )
    try:
        recipe = read_yaml(recipes[0], CheckpointError)
        for signature in recipe["models"]:
            if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
                raise ValueError(f"{signature!r:.60} is no name of a file beside it")
        paths = [folder / f"{signature}.safetensors" for signature in recipe["models"]]
        networks = [_read_network(path) for path in paths]
        weights = recipe.get("weights")
        if weights is not None:
            place = networks[0].sources.index("drums")
            weights = [float(row[place]) for row in weights]
        return _bag(networks, weights, recipe.get("segment"))
    except (OSError, TypeError, KeyError, ValueError, IndexError) as error:
        raise CheckpointError(f"{recipes[0]} describes no separator: {error}") from error


def _bag(
    networks: Sequence[Any], weights: Sequence[float] | None = None, segment: float | None = None
) -> DrumNetwork:
    """Ensemble of networks of equal rate and channels, at the longest segment all of them allow."""
    formats = {(network.samplerate, network.audio_channels) for network in networks}
    if len(formats) != 1:
        raise CheckpointError(f"the separators disagree on rate and channels: {sorted(formats)}")
    ((sample_rate, channels),) = formats
    longest = min(network.segment for network in networks)
    return DrumNetwork(
        networks,
        weights,
        sample_rate=sample_rate,
        channels=channels,
        segment=longest if segment is None else min(segment, longest),
    ).eval()


def _read_network(path: Path) -> Any:
    """Network of Demucs from a file.

    Raises:
        CheckpointError: the file is damaged, names another class, or holds other tensors.
    """
    regular_file(path, CheckpointError)
    read = _read_th if path.suffix == ".th" else _read_safetensors
    try:
        name, arguments, options, state = read(path)
        classes = _classes()
        if name not in classes:
            raise CheckpointError(
                f"{path} asks for the class {name!r}; known are {', '.join(classes)}"
            )
        # Older files contain options that Demucs has since removed.
        known = inspect.signature(classes[name]).parameters
        network = classes[name](*arguments, **{k: v for k, v in options.items() if k in known})
        network.load_state_dict(state)
        require_finite(network.state_dict(), path)
    except JascoError:
        raise
    except Exception as error:  # arguments from a foreign file may raise any error
        raise CheckpointError(f"{path} holds no separator of Demucs: {error}") from error
    return network.requires_grad_(False)


Parts = tuple[str, Sequence[Any], Mapping[str, Any], Mapping[str, Tensor]]


def _read_safetensors(path: Path) -> Parts:
    """Class, arguments, options and tensors of a safetensors file of the Hub."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata() or {}
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    arguments, options = (
        _numbers(parse_json(about[key], f"{key} of {path}", CheckpointError))
        for key in ("args", "kwargs")
    )
    return about["klass"], arguments, options, state


def _numbers(value: Any) -> Any:
    """JSON data in which objects that encode fractions become `Fraction`."""
    if isinstance(value, list):
        return [_numbers(child) for child in value]
    if not isinstance(value, dict):
        return value
    if value.get("_type") == "fraction":
        return Fraction(value["numerator"], value["denominator"])
    return {key: _numbers(child) for key, child in value.items()}


def _read_th(path: Path) -> Parts:
    """Class, arguments, options and tensors of a ``.th`` file, by restricted unpickling."""
    classes = _classes()
    try:
        with torch.serialization.safe_globals([*classes.values(), Fraction]):
            package = read_torch(path)
    except CheckpointError as error:
        raise CheckpointError(
            f"{path} is damaged, or holds more than a separator and could run code: not opened"
        ) from error
    kind = package["klass"]
    name = f"{kind.__module__}.{kind.__qualname__}"
    return name, package["args"], package["kwargs"], state_of(package["state"], path)


def _from_torchaudio() -> DrumNetwork:
    """Hybrid Demucs as torchaudio distributes it (trained on MUSDB and 800 songs more)."""
    try:
        from torchaudio.pipelines import HDEMUCS_HIGH_MUSDB_PLUS as bundle
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingPartError(
            f"{TORCHAUDIO_MODEL} needs a torchaudio that loads beside torch {torch.__version__}; "
            f"take {DEFAULT_MODEL!r}, which needs none: pip install 'jasco[drums]'"
        ) from error
    try:
        network = bundle.get_model().requires_grad_(False)
    except urllib.error.URLError as error:
        raise MissingPartError(
            f"the weights of {TORCHAUDIO_MODEL} are not here and could not be fetched "
            f"({error.reason}): connect and try again"
        ) from error
    return DrumNetwork(
        [network], sample_rate=bundle.sample_rate, channels=network.audio_channels, segment=10
    ).eval()
