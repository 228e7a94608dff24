"""What every test stands on: no network, one thread, the golden data, and no silent skip in CI."""

from __future__ import annotations

import os

# Read once, when huggingface_hub and torch are imported: before anything else here. Programs that a
# test starts have as many threads as the test, so that both compute the same.
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from slow_tests import SLOW

from jasco.band.render import find_fluidsynth, find_soundfont
from jasco.checkpoint import build
from jasco.config import compose_config
from jasco.errors import MissingPartError
from jasco.extract.chordino import find_chordino
from jasco.extract.salience.network import SalienceNetwork
from jasco.model import Jasco

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_ALL = os.environ.get("JASCO_REQUIRE_ALL") == "1"

torch.set_num_threads(1)
# A shell that runs the tests in the background ignores Ctrl-C, and so would every program that a
# test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the golden data: ``$JASCO_SHARED``, or ``../shared`` beside the project."""
    folder = Path(os.environ.get("JASCO_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no golden data at {folder}; point JASCO_SHARED at it")
    return folder


@pytest.fixture(scope="session")
def hub_cache(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A writable copy of the golden Hub cache: pass it as ``cache_dir``."""
    cache = tmp_path_factory.mktemp("hub") / "hub"
    shutil.copytree(shared / "parity" / "hub", cache, copy_function=shutil.copyfile)
    for folder in (cache, *cache.rglob("*/")):
        folder.chmod(0o755)
    return cache


def _fail_instead_of_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure with the same reason; an expected failure stays one."""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"JASCO_REQUIRE_ALL=1 allows no skip: {reason}"


@pytest.hookimpl(tryfirst=True)  # before options such as -m are applied
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests, mark slow ones, and leave out those of a GPU where there is none."""
    # A long test at the end leaves the other workers without work.
    items.sort(key=lambda item: not item.nodeid.startswith("tests/training/test_overfit.py"))
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    absent = [] if torch.cuda.is_available() else [i for i in items if i.get_closest_marker("gpu")]
    if absent:
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if item not in absent]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _fail_instead_of_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _fail_instead_of_skip(report)
    return report


@pytest.fixture(scope="session")
def tiny() -> Jasco:
    """A model of real parts and small sizes with seeded weights; leave it as it is."""
    torch.manual_seed(0)
    model = Jasco.from_config(compose_config("+model=tiny"))
    # Random weights leave the codebooks empty: fill them with what the encoder says of noise, so
    # that different drums have different codes.
    bursts = torch.linspace(0, 3, 64).repeat_interleave(1280) * torch.randn(64 * 1280)
    frames = model.codec.encode_raw(bursts[None, None])[0, ::2]
    for layer in model.codec.model.quantizer.layers:
        layer.codebook.embed.copy_(frames)
    return model.eval()


@pytest.fixture(scope="session")
def codec_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small EnCodec of seeded weights, as transformers saves it."""
    torch.manual_seed(0)
    codec = build(compose_config("+codec=tiny")["codec"])
    # Codes are latents of a tone that rises in pitch and level, so that recordings differ in them.
    time = torch.arange(2 * codec.sample_rate) / codec.sample_rate
    latents = codec.encode_raw((time / 2 * torch.sin(6000 * time**2))[None, None])[0]
    for layer in codec.model.quantizer.layers:
        layer.codebook.embed.copy_(latents[torch.linspace(2, 97, 64).long()])
    folder = tmp_path_factory.mktemp("codec")
    codec.save(folder)
    return folder


@pytest.fixture(scope="session")
def salience_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Deep salience with seeded weights: the network is as large as the published one."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("salience") / "seeded.safetensors"
    save_file(SalienceNetwork().state_dict(), path)
    return path


@pytest.fixture(scope="session")
def chordino() -> Path:
    """Path of the Chordino plugin."""
    try:
        return find_chordino()
    except MissingPartError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def small_separator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a small drum separator with seeded weights, in the format of the published ones."""
    from separators import save, small_network

    return save(small_network(), tmp_path_factory.mktemp("separator") / "small.safetensors")


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared dataset for ``runs.new_model()``."""
    import runs

    folder: Path = tmp_path_factory.mktemp("songs") / "prepared"
    return runs.write_dataset(folder, runs.new_model().codec)


@pytest.fixture(scope="session")
def soundfont() -> Path:
    """The soundfont that the band plays on; FluidSynth is there too."""
    try:
        find_fluidsynth()
        return find_soundfont()
    except MissingPartError as error:
        pytest.skip(str(error))


@pytest.fixture
def environment(hub_cache: Path, shared: Path, small_separator: Path) -> dict[str, str]:
    """Where the Hub ids of the README are the golden checkpoints, without a network."""
    weights = {
        "JASCO_SALIENCE_WEIGHTS": str(shared / "salience" / "multif0.h5"),
        "JASCO_DEMUCS_WEIGHTS": str(small_separator),
    }
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    hub = {"HF_HUB_CACHE": str(hub_cache), "HF_HUB_OFFLINE": "1"}
    return os.environ | hub | weights | {"PATH": scripts}
