from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from jasco.errors import CheckpointError, MissingPartError
from jasco.extract.salience.network import SalienceNetwork
from jasco.extract.salience.weights import (
    SHA256,
    VARIABLE,
    load_network,
    published_weights,
    read_keras,
)


@pytest.fixture
def original(shared: Path) -> Path:
    pytest.importorskip("h5py", reason="the golden weights are HDF5: pip install 'jasco[melody]'")
    return shared / "salience" / "multif0.h5"


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_the_golden_file_is_the_published_one(original: Path) -> None:
    assert hashlib.sha256(original.read_bytes()).hexdigest() == SHA256


def test_fetched_once_then_read_from_the_folder(original: Path, tmp_path: Path) -> None:
    converted = published_weights(tmp_path, original.as_uri())
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".h5", ".safetensors"]
    assert same(load_network(converted), load_network(original))
    next(tmp_path.glob("*.h5")).unlink()
    assert published_weights(tmp_path, "http://127.0.0.1:9/nobody-there") == converted


def test_the_fetched_file_waits_for_h5py(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "h5py", None)
        with pytest.raises(MissingPartError, match=r"jasco\[melody\]"):
            published_weights(tmp_path, original.as_uri())
    assert published_weights(tmp_path, "http://127.0.0.1:9/nobody-there").is_file()


def test_offline_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match=f"could not be fetched .* set {VARIABLE}"):
        published_weights(tmp_path, "http://127.0.0.1:9/multif0.h5")
    assert not list(tmp_path.iterdir())


def test_another_file_than_the_published_one_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>not found</html>")
    folder = tmp_path / "kept"
    folder.mkdir()
    with pytest.raises(MissingPartError, match="sha256"):
        published_weights(folder, page.as_uri())
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_written(original: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match="cannot be kept .* HF_HOME"):
        published_weights(tmp_path / "absent", original.as_uri())


def test_the_variable_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = SalienceNetwork()
    path = tmp_path / "mine.safetensors"
    save_file(network.state_dict(), path)
    monkeypatch.setenv(VARIABLE, str(path))
    assert same(load_network(), network)
    assert load_network(dtype=torch.bfloat16).hidden[0].convolution.weight.dtype == torch.bfloat16


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        load_network(tmp_path / "absent.h5")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a tensor")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_network(broken)
    state = SalienceNetwork().state_dict()
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    state[name].view(-1)[0] = float("inf")
    save_file(state, tmp_path / "infinite.safetensors")
    with pytest.raises(CheckpointError, match=f"not finite .*{name}"):
        load_network(tmp_path / "infinite.safetensors")
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="other weights"):
        load_network(tmp_path / "other.safetensors")


def test_hdf5_files_that_are_no_weights(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="makes HDF5 files: pip install 'jasco[melody]'")
    text = tmp_path / "text.h5"
    text.write_text("text")
    with pytest.raises(CheckpointError, match="not a Keras weight file"):
        read_keras(text)
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["x"] = [1.0]
    with pytest.raises(CheckpointError, match="not a Keras weight file"):
        read_keras(tmp_path / "plain.h5")
