"""Separation with the real networks of Demucs, small and with seeded weights."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
import yaml
from safetensors.torch import save_file
from separators import RATE, SOURCES, save, small_network

from jasco.audio import Audio
from jasco.errors import CheckpointError, MissingPartError, SettingError
from jasco.extract.demucs import VARIABLE, DrumNetwork, load_drum_network
from jasco.extract.drums import DrumSeparator, separate_drums

pytest.importorskip("demucs", reason="needs pip install 'jasco[drums]'")

from demucs.apply import BagOfModels, apply_model
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs


def small_hybrid(seed: int = 0) -> HDemucs:
    torch.manual_seed(seed)
    return HDemucs(SOURCES, channels=4, nfft=1024, depth=4, segment=Fraction(39, 20)).eval()


def rounded(network: HTDemucs | HDemucs) -> HTDemucs | HDemucs:
    """The network with the precision that its file keeps."""
    return network.half().float()


def save_th(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def package(network: HTDemucs) -> dict[str, object]:
    """What a file of Demucs 4 holds."""
    arguments, options = network._init_args_kwargs
    return {
        "klass": type(network),
        "args": arguments,
        "kwargs": options | {"an_option_of_former_times": 3},
        "state": {name: tensor.half() for name, tensor in network.state_dict().items()},
        "training_args": {"optim": {"lr": 3e-4}, "seed": 42},
    }


def noise(seconds: float, channels: int = 2, rate: int = RATE, seed: int = 1) -> Audio:
    random = torch.Generator().manual_seed(seed)
    samples = torch.randn(channels, round(seconds * rate), generator=random)
    return Audio(0.1 * samples + 0.02, rate)


def by_demucs(network: HTDemucs | HDemucs | BagOfModels, audio: Audio) -> torch.Tensor:
    """The drums as the package itself separates them, without its random shifts."""
    mono = audio.samples.mean(dim=0)
    centre, scale = mono.mean(), mono.std(correction=0) + 1e-8
    mix = ((audio.samples - centre) / scale)[None]
    with torch.inference_mode():
        sources = apply_model(network, mix, shifts=0, split=True, overlap=0.25)
    return sources[0, 0] * scale + centre


@pytest.fixture(scope="module")
def file(small_separator: Path) -> Path:
    return small_separator


@pytest.fixture(scope="module")
def separator(file: Path) -> DrumSeparator:
    return DrumSeparator(load_drum_network(file), device="cpu")


@pytest.mark.parametrize("seconds", [1 / RATE, 0.1, 1.95, 1.95 + 1 / RATE, 4.0, 7.321])
def test_as_demucs_itself_separates(seconds: float, separator: DrumSeparator) -> None:
    audio = noise(seconds)
    drums = separator(audio)
    assert drums.sample_rate == RATE and drums.samples.shape == audio.samples.shape
    expected = by_demucs(rounded(small_network()), audio)
    torch.testing.assert_close(drums.samples, expected, rtol=1e-5, atol=1e-7)
    assert expected.abs().max() > 1e-3


def test_the_same_twice(file: Path) -> None:
    audio = noise(3.0)
    first, second = (separate_drums(audio, model=file, device="cpu") for _ in range(2))
    assert torch.equal(first.samples, second.samples)


def test_pieces_follow_each_other(separator: DrumSeparator) -> None:
    audio = noise(7.3)
    pieces = list(separator.stream(audio))
    assert len(pieces) == 5
    assert max(piece.shape[1] for piece in pieces) == separator.stride
    assert torch.equal(torch.cat(pieces, dim=1), separator(audio).samples)


@pytest.mark.parametrize("rate", [8000, 32000, 44099, 48000, 192_000])
def test_any_sample_rate(rate: int, separator: DrumSeparator) -> None:
    audio = noise(5.3, channels=1, rate=rate)
    drums = separator(audio).samples
    whole = separator(audio.resample(RATE)).samples
    assert drums.shape == whole.shape
    assert (drums - whole).norm() < 1e-4 * whole.norm()


def test_mono_is_both_sides_of_stereo_and_many_are_mixed_down(separator: DrumSeparator) -> None:
    mono = noise(2.5, channels=1)
    stereo = separator(Audio(mono.samples.expand(2, -1), RATE)).samples
    drums = separator(mono).samples
    assert drums.shape == (1, mono.samples.shape[1])
    torch.testing.assert_close(drums[0], stereo.mean(dim=0))
    surround = noise(2.5, channels=6)
    mixed = separator(surround.mono()).samples
    torch.testing.assert_close(separator(surround).samples, mixed, rtol=1e-4, atol=1e-6)


def test_silence_is_silent(separator: DrumSeparator) -> None:
    drums = separator(Audio(torch.zeros(2, RATE * 3), RATE)).samples
    assert drums.abs().max() < 1e-6


def test_bfloat16_is_close(file: Path, separator: DrumSeparator) -> None:
    audio = noise(4.0)
    network = load_drum_network(file)
    coarse = DrumSeparator(network, device="cpu", dtype="bfloat16")(audio).samples
    fine = separator(audio).samples
    assert coarse.dtype == torch.float32
    assert 0 < (coarse - fine).norm() < 0.03 * fine.norm()


def test_a_bar_is_shown_where_it_takes_long(
    separator: DrumSeparator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audio = noise(4.0)
    separator(audio, progress=True)
    assert capsys.readouterr().err == ""
    now = [0.0]

    def one_second_later() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr("tqdm.std.time", one_second_later)
    separator(audio, progress=True)
    assert "drums" in capsys.readouterr().err
    separator(audio)
    assert capsys.readouterr().err == ""


def test_unknown_device_or_format(file: Path) -> None:
    for options in ({"device": "abacus"}, {"dtype": "int8"}):
        with pytest.raises(SettingError):
            separate_drums(noise(0.1), model=file, **options)


def repository(folder: Path) -> Path:
    """A repository of two networks, of which the second finds the drums alone, and a third."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = {"models": ["aa", "bb", "cc"], "weights": [[1, 0, 1, 1], [3, 1, 0, 1], [0, 1, 1, 0]]}
    (folder / "htdemucs.yaml").write_text(yaml.safe_dump(recipe))
    for seed, name in enumerate(recipe["models"]):
        save(small_network(seed), folder / f"{name}.safetensors")
    return folder


def test_networks_are_weighted_as_their_recipe_says(tmp_path: Path) -> None:
    network = load_drum_network(repository(tmp_path))
    assert network.weights == [0.25, 0.75]
    audio = noise(2.5)
    weights = [[1, 0, 1, 1], [3, 1, 0, 1], [0, 1, 1, 0]]
    bag = BagOfModels([rounded(small_network(seed)) for seed in range(3)], weights)
    drums = DrumSeparator(network, device="cpu")(audio).samples
    torch.testing.assert_close(drums, by_demucs(bag, audio), rtol=1e-5, atol=1e-7)


def test_by_name_from_the_cache_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingPartError, match=f"htdemucs.*{VARIABLE}") as error:
        load_drum_network()
    assert "\n" not in str(error.value)
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--adefossez--HTDemucs"
    repository(cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    for name in (None, "htdemucs", "adefossez/HTDemucs"):
        assert load_drum_network(name).weights == [0.25, 0.75]
    with pytest.raises(MissingPartError, match="htdemucs_ft"):
        load_drum_network("htdemucs_ft")


def test_the_variable_takes_the_place_of_the_default(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(file))
    assert len(load_drum_network().networks) == 1
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent.safetensors"))
    with pytest.raises(CheckpointError, match="no such file"):
        load_drum_network()


def test_the_older_hybrid_network(tmp_path: Path) -> None:
    network = load_drum_network(save(small_hybrid(), tmp_path / "hybrid.safetensors"))
    audio = noise(4.0)
    separator = DrumSeparator(network, device="cpu")
    # Demucs gives this network short segments as they are; here all have the same length.
    full = 2 * separator.stride
    drums = separator(audio).samples[:, :full]
    expected = by_demucs(rounded(small_hybrid()), audio)[:, :full]
    torch.testing.assert_close(drums, expected, rtol=1e-4, atol=1e-6)


def test_a_file_of_demucs_4(tmp_path: Path, file: Path) -> None:
    path = save_th(package(small_network()), tmp_path / "955717e8-8726e21a.th")
    older, newer = load_drum_network(path).state_dict(), load_drum_network(file).state_dict()
    assert older.keys() == newer.keys()
    assert all(torch.equal(older[name], newer[name]) for name in newer)


def test_a_file_holds_all_values_of_its_tensors(tmp_path: Path) -> None:
    """A shape far larger than what is stored costs no memory."""
    content = package(small_network())
    name = next(iter(content["state"]))  # type: ignore[call-overload]
    huge = {name: torch.zeros(1).expand(1_000_000, 1_000_000)}
    path = save_th(content | {"state": huge}, tmp_path / "huge.th")
    with pytest.raises(CheckpointError, match=f"does not hold all values of the tensor '{name}'"):
        load_drum_network(path)


class Trap:
    """What a pickle does when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return os.mkdir, (self.mark,)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    trapped = package(small_network()) | {"training_args": Trap(mark)}
    path = save_th(trapped, tmp_path / "trap.th")
    with pytest.raises(CheckpointError, match="could run code"):
        load_drum_network(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists(), "the trap is none"


@pytest.mark.parametrize(
    "about, says",
    [
        ({"klass": "antigravity.Fly"}, "antigravity.Fly"),
        ({"klass": "demucs.solver.Solver"}, "known are demucs.htdemucs.HTDemucs"),
        ({"kwargs": '{"depth": 3}'}, "holds no separator"),
        ({"kwargs": '{"t_layers": "many"}'}, "holds no separator"),
        ({"kwargs": "{"}, "kwargs of .*odd.safetensors is no JSON"),
        ({"args": '[["bass", "vocals"]]'}, "holds no separator"),
    ],
)
def test_files_that_say_something_else(about: dict[str, str], says: str, tmp_path: Path) -> None:
    path = save(small_network(), tmp_path / "odd.safetensors", **about)
    with pytest.raises(CheckpointError, match=says):
        load_drum_network(path)
    assert "antigravity" not in sys.modules


def test_files_that_are_something_else(tmp_path: Path) -> None:
    plain = tmp_path / "plain.safetensors"
    save_file({"x": torch.zeros(1)}, plain)
    text = tmp_path / "text.safetensors"
    text.write_text("no tensors")
    numbers = save_th({"x": torch.zeros(1)}, tmp_path / "numbers.th")
    no_drums = save(small_network(sources=["bass", "vocals"]), tmp_path / "no-drums.safetensors")
    empty = tmp_path / "empty"
    empty.mkdir()
    incomplete = repository(tmp_path / "incomplete")
    (incomplete / "bb.safetensors").unlink()
    for path in (plain, text, numbers, no_drums, empty, incomplete):
        with pytest.raises(CheckpointError) as error:
            load_drum_network(path)
        assert path.stem in str(error.value) or "drums" in str(error.value)


@pytest.mark.parametrize("name", ["../bb", "/bb", "a/bb", "", 7, ["bb"]])
def test_a_repository_names_files_beside_its_recipe(name: object, tmp_path: Path) -> None:
    folder = repository(tmp_path / "songs")
    (recipe,) = folder.glob("*.yaml")
    values = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump(values | {"models": [name]}))
    with pytest.raises(CheckpointError, match="is no name of a file beside it"):
        load_drum_network(folder)


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    network = small_network()
    name, tensor = next(iter(network.state_dict().items()))
    tensor.view(-1)[0] = float("nan")
    with pytest.raises(CheckpointError, match=f"not finite .*{name}"):
        load_drum_network(save(network, tmp_path / "odd.safetensors"))


def test_weights_must_fit() -> None:
    network = small_network()
    for weights in ([1.0, 2.0], [0.0], [-1.0]):
        with pytest.raises(CheckpointError, match="do not fit"):
            DrumNetwork([network], weights, sample_rate=RATE, channels=2, segment=2)


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "demucs.htdemucs", None)
    with pytest.raises(MissingPartError, match=r"pip install 'jasco\[drums\]'"):
        separate_drums(noise(0.1))
    monkeypatch.setitem(sys.modules, "torchaudio.pipelines", None)
    with pytest.raises(MissingPartError, match="torchaudio.*htdemucs"):
        separate_drums(noise(0.1), model="HDEMUCS_HIGH_MUSDB_PLUS")
