"""Published weights of deep salience: downloaded once, verified, converted and cached.

The original file has the HDF5 layout of Keras 2.0.6: layers in the order of
``attrs["layer_names"]``, their tensors in that of ``attrs["weight_names"]``, kernels as
(bins, frames, in, out), batch norms as gamma, beta, mean, variance.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import torch
from huggingface_hub import cached_assets_path
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from jasco.errors import CheckpointError, MissingPartError
from jasco.extract.salience.network import SalienceNetwork
from jasco.io.atomic import replacing
from jasco.io.torch_files import require_finite

URL = (
    "https://raw.githubusercontent.com/rabitt/ismir2017-deepsalience/"
    "master/predict/weights/multif0.h5"
)
SHA256 = "a426f89d098478249df02db401f812c33de82a5bd7006f22912a8f9146d4f19f"
VARIABLE = "JASCO_SALIENCE_WEIGHTS"

_NORM = ("weight", "bias", "running_mean", "running_var")
_CONVOLUTION = ("weight", "bias")


def load_network(
    weights: str | os.PathLike[str] | None = None, dtype: torch.dtype = torch.float32
) -> SalienceNetwork:
    """Load the network with its weights, in evaluation mode on the CPU.

    Args:
        weights: a ``.h5`` or ``.safetensors`` file; ``None`` for the one that the environment
            variable ``JASCO_SALIENCE_WEIGHTS`` names, else the published one, fetched on first use.
        dtype: of the convolutions.

    Raises:
        MissingPartError: the published weights cannot be fetched, or an HDF5 file is to be read and
            h5py is not installed.
        CheckpointError: the file does not exist or holds something else.
    """
    chosen = weights or os.environ.get(VARIABLE)
    path = Path(chosen).expanduser() if chosen else published_weights()
    if not path.is_file():
        raise CheckpointError(f"there are no deep-salience weights at {path}: no such file")
    if path.suffix == ".safetensors":
        try:
            state = load_file(path)
        except SafetensorError as error:
            raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    else:
        state = read_keras(path)
    require_finite(state, path)
    network = SalienceNetwork(dtype)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"{path} holds other weights than those of deep salience") from error
    return network.eval().requires_grad_(False)


def kept_weights(folder: Path | None = None, sha256: str = SHA256) -> Path:
    """Path of the cached published weights; see `published_weights`."""
    folder = folder or cached_assets_path("jasco", "salience")
    return folder / f"multif0-{sha256[:8]}.safetensors"


def published_weights(folder: Path | None = None, url: str = URL, sha256: str = SHA256) -> Path:
    """Path of the published weights as a safetensors file, converted on first use.

    Args:
        folder: where to keep them; ``None`` for the assets in the user's Hugging Face cache.
        url: where to fetch the original file.
        sha256: of the original file.

    Raises:
        MissingPartError: they cannot be fetched, or h5py is needed to convert them and is missing.
    """
    converted = kept_weights(folder, sha256)
    original = converted.with_suffix(".h5")
    if not converted.is_file():
        if not original.is_file():
            content = _fetch(url, sha256)
            with _keeping(original) as part:
                part.write_bytes(content)
        state = read_keras(original)
        with _keeping(converted) as part:
            save_file(state, part)
    return converted


def read_keras(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a Keras weight file, under the names of `SalienceNetwork`.

    Raises:
        MissingPartError: h5py is not installed.
        CheckpointError: the file is not HDF5, or not in this layout.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingPartError(
            "reading the original deep-salience weights takes h5py: pip install 'jasco[melody]'"
        ) from error
    norms: list[list[torch.Tensor]] = []
    convolutions: list[list[torch.Tensor]] = []
    try:
        with h5py.File(path, "r") as file:
            for group in (file[name] for name in file.attrs["layer_names"]):
                tensors = [
                    torch.from_numpy(group[name][()]) for name in group.attrs["weight_names"]
                ]
                if len(tensors) == len(_NORM):
                    norms.append(tensors)
                elif len(tensors) == len(_CONVOLUTION):
                    kernel, bias = tensors
                    convolutions.append([kernel.permute(3, 2, 1, 0).contiguous(), bias])
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"{path} is not a Keras weight file: {error}") from error
    state: dict[str, torch.Tensor] = {}
    for index, (norm, convolution) in enumerate(zip(norms, convolutions, strict=False)):
        layer = "last" if index == len(norms) - 1 else f"hidden.{index}"
        state |= {f"{layer}.norm.{name}": x for name, x in zip(_NORM, norm, strict=True)}
        state[f"{layer}.norm.num_batches_tracked"] = torch.tensor(0)
        state |= {
            f"{layer}.convolution.{name}": x
            for name, x in zip(_CONVOLUTION, convolution, strict=True)
        }
    return state


def _fetch(url: str, sha256: str) -> bytes:
    """Content of ``url``, verified by its SHA-256."""
    advice = f"fetch {URL} elsewhere and set {VARIABLE} to the file"
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            content: bytes = response.read()
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise MissingPartError(
            f"the deep-salience weights are not here and could not be fetched ({reason}); {advice}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise MissingPartError(
            f"what {url} gave is not the deep-salience weights (sha256 {found[:8]}..., expected "
            f"{sha256[:8]}...); {advice}"
        )
    return content


@contextlib.contextmanager
def _keeping(path: Path) -> Iterator[Path]:
    """Context of `replacing` whose errors name the remedy."""
    try:
        with replacing(path) as part:
            yield part
    except OSError as error:
        raise MissingPartError(
            f"the deep-salience weights cannot be kept in {path.parent} ({error.strerror}); make "
            f"room there, set HF_HOME to another folder, or set {VARIABLE} to a file"
        ) from error
