"""The nodes for ComfyUI, loaded as ComfyUI loads them, without it."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from jasco import Jasco

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "comfyui"


@pytest.fixture(scope="module")
def nodes() -> ModuleType:
    place = FOLDER / "__init__.py"
    spec = importlib.util.spec_from_file_location("jasco_nodes", place)
    module = importlib.util.module_from_spec(spec)
    sys.modules["jasco_nodes"] = module
    spec.loader.exec_module(module)
    return module


def test_inputs_are_the_arguments_of_the_functions(nodes: ModuleType) -> None:
    assert nodes.NODE_CLASS_MAPPINGS.keys() == nodes.NODE_DISPLAY_NAME_MAPPINGS.keys()
    for node in nodes.NODE_CLASS_MAPPINGS.values():
        inputs = node.INPUT_TYPES()
        function = inspect.signature(getattr(node, node.FUNCTION))
        required = [
            name
            for name, own in function.parameters.items()
            if own.default is own.empty and name != "self"
        ]
        assert sorted(inputs["required"]) == sorted(required)
        assert {*inputs["required"], *inputs.get("optional", {})} == {*function.parameters} - {
            "self"
        }
        assert len(node.RETURN_TYPES) == 1 and node.CATEGORY == "audio/jasco"


def test_a_take_and_an_edit_of_it(nodes: ModuleType, tiny: Jasco) -> None:
    beat = {"waveform": torch.randn(1, 2, 44100), "sample_rate": 44100}
    settings = {"bpm": 120.0, "seed": 3, "steps": 2}
    generate = nodes.JascoGenerate().generate
    (take,) = generate(tiny, "a", "C Am", duration=2.0, drums=beat, **settings)
    assert take["waveform"].shape == (1, 1, 64000) and take["sample_rate"] == 32000
    (plain,) = generate(tiny, "a", "", duration=2.0, **settings)
    assert not torch.equal(plain["waveform"], take["waveform"])
    (edit,) = nodes.JascoEdit().edit(tiny, take, 0.5, 1.0, "b", "", **settings)
    new, old = edit["waveform"][0, 0], take["waveform"][0, 0]
    assert torch.equal(new[34000:], old[34000:]) and not torch.equal(new[:34000], old[:34000])
