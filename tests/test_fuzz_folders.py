"""Seeded mutations of checkpoints, recipes and prepared folders: results or Jasco's own errors.

``JASCO_FUZZ=N`` tries N of each kind.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from memory import peak, reset_peak
from runs import new_model, write_dataset
from safetensors.torch import load_file, save_file

from jasco.conditions import Conditions
from jasco.data.prepared import PreparedDataset
from jasco.errors import JascoError
from jasco.flow import Euler
from jasco.model import Jasco
from jasco.recipe import Recipe

from .test_recipe import written

COUNT = int(os.environ.get("JASCO_FUZZ", "100"))
SECONDS, BYTES = 5.0, 2e9
STRANGE: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    7,
    2**31,
    10**12,
    10**30,
    0.5,
    -0.0,
    1e300,
    "",
    "x",
    "1",
]
STRANGE += ["../x", "/etc", "~", "a/b", "\0", "\x1b[2J", "é" * 300, [], [1], [[]], {}, {"a": 1}]
STRANGE += [{"_target_": "os.system"}, {"_target_": "jasco.codec.EnCodec"}, float("nan"), "???"]
STRANGE += [float("inf"), "${oc.env:HOME}", [0] * 40, {"_target_": "jasco.flow.Euler"}]


def mutate_plain(value: Any, chance: random.Random) -> Any:
    """Plain data with one to three places changed, removed or doubled."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        places: list[tuple[Any, Any]] = []
        todo = [value]
        while todo:
            node = todo.pop()
            pairs = node.items() if isinstance(node, dict) else enumerate(node)
            for key, child in pairs:
                places.append((node, key))
                if isinstance(child, dict | list):
                    todo.append(child)
        if not places:
            return chance.choice(STRANGE)
        node, key = chance.choice(places)
        kind = chance.random()
        if kind < 0.15:
            del node[key]
        elif kind < 0.3 and isinstance(node, dict):
            node[chance.choice(["x", "", "_args_", "dim", str(key) + "s"])] = node.pop(key)
        elif kind < 0.5 and isinstance(node[key], int | float):
            node[key] = node[key] * chance.choice([-1, 2, 0.5, 1000, 10**9])
        else:
            other = chance.choice(places)
            swap = other[0][other[1]] if kind > 0.85 and other[1:] else chance.choice(STRANGE)
            node[key] = copy.deepcopy(swap)
    return value


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        at = chance.randrange(max(1, min(len(found), chance.choice([64, 4096, 10**9]))))
        kind = chance.randrange(5)
        if kind == 0 and found:
            found[at % len(found)] = chance.randrange(256)
        elif kind == 1:
            del found[at : at + chance.choice([1, 10, 10**6])]
        elif kind == 2:
            found[at:at] = chance.choice(
                [b"\xff", b"\0" * 9, b"[", b"{", b"9" * 30, b"\xef\xbb\xbf"]
            )
        elif kind == 3:
            found = found[:at]
        else:
            found[at:at] = found[: chance.choice([8, 500])]
    return bytes(found)


def mutate_tensors(path: Path, chance: random.Random) -> None:
    tensors = load_file(path)
    name = chance.choice(sorted(tensors))
    tensor = tensors.pop(name)
    kind = chance.randrange(7)
    if kind == 0:
        tensors["stranger"] = tensor
    elif kind == 1:
        tensors[name] = tensor.to(chance.choice([torch.int64, torch.float64, torch.bool]))
    elif kind == 2:
        tensors[name] = tensor[: len(tensor) // 2].clone() if tensor.dim() else tensor[None]
    elif kind == 3:
        tensors[name] = torch.full_like(tensor.double(), float("inf"))
    elif kind == 4:
        tensors[name] = tensor.flatten()
    elif kind == 5:
        tensors[name] = torch.full_like(tensor, chance.choice([0, -1, 100]))
    path.unlink()
    save_file(tensors, path)


def mutate_file(path: Path, chance: random.Random) -> None:
    if chance.random() < 0.1:
        path.unlink()
        if chance.random() < 0.5:
            chance.choice([os.mkfifo, os.mkdir])(path)
    elif path.suffix == ".safetensors" and chance.random() < 0.6:
        mutate_tensors(path, chance)
    elif path.suffix == ".json" and chance.random() < 0.7:
        path.write_text(json.dumps(mutate_plain(json.loads(path.read_text()), chance)))
    elif path.suffix == ".yaml" and chance.random() < 0.8:
        value = mutate_plain(yaml.safe_load(path.read_text()), chance)
        path.write_text(yaml.safe_dump(value))
    elif path.suffix == ".jsonl" and chance.random() < 0.7:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows = mutate_plain(rows, chance)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) if rows else "")
    else:
        path.write_bytes(mutate_bytes(path.read_bytes(), chance))


def attempt(seed: int, run: Callable[[], Any]) -> bool:
    """Run what may only end in a result or in an error of Jasco, in time."""
    started, worked = time.perf_counter(), time.process_time()
    try:
        run()
        return True
    except JascoError as error:
        assert str(error) and len(str(error)) < 3000, f"seed {seed}: {error}"
        return False
    except Exception as error:
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    finally:
        # Work on this machine counts, not that of its other processes; nothing may wait either.
        took, waited = time.process_time() - worked, time.perf_counter() - started
        assert took < SECONDS and waited < 6 * SECONDS, f"seed {seed}: {took:.1f} s, {waited:.1f} s"


@contextlib.contextmanager
def bounded_memory():
    reset_peak()
    before = peak()
    yield
    assert peak() < BYTES + before, f"{peak() / 1e9:.1f} GB"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_model().eval().save_pretrained(tmp_path_factory.mktemp("fuzz") / "model")


@pytest.mark.slow
def test_mutated_checkpoints(checkpoint: Path, tmp_path: Path) -> None:
    ways = {True: 0, False: 0}
    with bounded_memory():
        for seed in range(COUNT):
            chance = random.Random(seed)
            folder = Path(shutil.copytree(checkpoint, tmp_path / f"{seed}"))
            files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
            mutate_file(chance.choice(files), chance)

            def use(folder: Path = folder) -> None:
                model = Jasco.from_pretrained(folder, device="cpu", cache_dir=tmp_path / "empty")
                duration = min(model.segment_duration, 0.2)
                clip = Conditions("funk", chords="C:0")
                model.generate([clip], seed=1, solver=Euler(1), duration=duration)

            ways[attempt(seed, use)] += 1
            shutil.rmtree(folder)
    assert ways[False] > COUNT / 4 and ways[True] > 0, ways


SUFFIXES = {".yaml", ".json", ".safetensors"}


@pytest.mark.slow
def test_mutated_recipes() -> None:
    plain = written()
    plain["conditions"]["drums"] = plain["conditions"]["drums"][:20]
    ways = {True: 0, False: 0}
    with bounded_memory():
        for seed in range(20 * COUNT):
            changed = mutate_plain(plain, random.Random(seed))
            ways[attempt(seed, lambda c=changed: Recipe.from_dict(c))] += 1
    assert ways[True] > 0 < ways[False], ways


@pytest.mark.slow
def test_mutated_datasets(tmp_path: Path) -> None:
    right = tmp_path / "right"
    write_dataset(right, new_model().codec, count=2, frames=30)
    ways = {True: 0, False: 0}
    with bounded_memory():
        for seed in range(10 * COUNT):
            chance = random.Random(seed)
            folder = Path(shutil.copytree(right, tmp_path / "wrong"))
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            mutate_file(chance.choice(files), chance)

            def use(folder: Path = folder) -> None:
                data = PreparedDataset(folder)
                for index in range(len(data)):
                    data.clip(index, 0, 40)

            ways[attempt(seed, use)] += 1
            shutil.rmtree(folder)
    assert ways[True] > 0 < ways[False], ways
