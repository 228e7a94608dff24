"""Wording of docstrings and names: the rules of the voice, held by the syntax tree.

Modules that are still to be swept are listed in `PENDING`, which may only shrink.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OPENERS = {"how", "it", "likewise", "of", "that", "they", "this", "those", "what", "whether"}

# Former words of the glossary -> the term of the field.
GLOSSARY = {
    r"BlockShards": "TransformerFSDPStrategy",
    r"Descriptions(?=\()": "DescriptionDataset",
    r"Hearing": "ExtractorConfig",
    r"Judges|Judgement": "ScoringPool, DiscriminatorOutput",
    r"Listener|listeners?": "ControlExtractor, extractor",
    r"Modulation": "AdaLN",
    r"Receipt": "AdherenceReport",
    r"Retelling|retell(?:ing)?": "DescriptionResampling",
    r"_calm": "damp_residual",
    r"adaptive(?=[=:] ?(?:bool|True|true))": "adaln",
    r"feedforward(?=[=:] ?(?:int|\d))": "mlp_ratio",
    r"hears?|heard|wish(?:es|ed)?": "extract, conditions",
    r"initialize(?=\()": "init_pca",
    r"look_near": "init_local_attention_bias",
    r"shifted(?=\()": "shift_timesteps",
    r"summarize|summary(?=[=:] ?(?:int|\d))": "pool, pooling_queries",
}

SWEPT = (
    "jasco/adherence/controls.py",
    "jasco/aliases.py",
    "jasco/codec.py",
    "jasco/conditioners",
    "jasco/training/text/descriptions.py",
    "jasco/band",
    "jasco/io/fingerprint.py",
    "jasco/flow",
    "jasco/metrics",
    "jasco/network",
    "jasco/extract",
    "jasco/prepare/stages",
    "jasco/training/codec/balancer.py",
    "jasco/training/flow/breakdown.py",
    "jasco/training/codec/discriminator.py",
    "jasco/training/footprint.py",
    "jasco/training/codec/initialization.py",
    "jasco/training/codec/quantizer.py",
    "jasco/training/codec/reconstruction.py",
    "jasco/training/sharding.py",
    "scripts/benchmark.py",
    "scripts/draw_curves.py",
    "scripts/measure_codec.py",
    "scripts/measure_requests.py",
    "scripts/probe_text.py",
)
"""Modules and folders without former words of the glossary."""

PENDING = (
    "jasco/io/assets.py",
    "jasco/audio",
    "jasco/audiocraft",
    "jasco/checkpoint",
    "jasco/chords",
    "jasco/cli",
    "jasco/conditions.py",
    "jasco/config.py",
    "jasco/runs.py",
    "jasco/notices.py",
    "jasco/pipeline",
    "jasco/checkpoint/published.py",
    "jasco/data/",
    "jasco/drums.py",
    "jasco/evaluation",
    "jasco/io/files.py",
    "jasco/generation.py",
    "jasco/io/hub.py",
    "jasco/melody",
    "jasco/metrics/chords.py",
    "jasco/metrics/signal.py",
    "jasco/model.py",
    "jasco/device.py",
    "jasco/prepare",
    "jasco/recipe.py",
    "jasco/training",
)
"""Modules and folders whose docstrings are still to be swept, but for those in `SWEPT`."""


def sources() -> dict[str, str]:
    """Path below the project -> source, of the package and of the scripts."""
    paths = sorted([*(ROOT / "jasco").rglob("*.py"), *(ROOT / "scripts").glob("*.py")])
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}


def longest(name: str, parts: tuple[str, ...]) -> int:
    """Length of the longest entry that names a module or a folder around it; 0 without one."""
    folders = (part for part in parts if name == part or name.startswith(f"{part.rstrip('/')}/"))
    return max(map(len, folders), default=0)


def is_swept(name: str) -> bool:
    """True where the narrowest entry for a module is one of `SWEPT`."""
    return longest(name, SWEPT) > longest(name, PENDING)


def bad_openings(source: str) -> Iterator[tuple[int, str]]:
    """(line, first words) of the docstrings that open with a word of `OPENERS`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            first = re.match(r"\w+", text)
            if first and first[0].lower() in OPENERS:
                yield node.body[0].lineno, text[:60]


def old_words(source: str) -> Iterator[tuple[int, str]]:
    """(line, word and term) of the former words of the glossary."""
    for number, line in enumerate(source.splitlines(), 1):
        for pattern, term in GLOSSARY.items():
            if found := re.search(rf"(?<![\w.])(?:{pattern})(?!\w)", line):
                yield number, f"{found[0]!r} is now {term}"


def test_docstrings_open_with_a_term_of_the_field() -> None:
    found = [
        f"{name}:{line}: {text}"
        for name, source in sources().items()
        if is_swept(name) or not longest(name, PENDING)
        for line, text in bad_openings(source)
    ]
    assert not found, "\n".join(found)


def test_no_former_word_is_left_in_swept_modules() -> None:
    found = [
        f"{name}:{line}: {text}"
        for name, source in sources().items()
        if is_swept(name) and name != "jasco/aliases.py"
        for line, text in old_words(source)
    ]
    assert not found, "\n".join(found)


def test_every_listed_module_exists() -> None:
    names = sources()
    for part in (*SWEPT, *PENDING):
        assert any(longest(name, (part,)) for name in names), part


@pytest.mark.parametrize("opening", ["What a codec keeps.", "Those of a band.", "It is.", "Of it."])
def test_a_bad_opening_is_found(opening: str) -> None:
    assert list(bad_openings(f'def f():\n    """{opening}"""'))
    assert not list(bad_openings('def f():\n    """Howling noise."""'))


@pytest.mark.parametrize("line", ["Listener(None)", "wishes = 1", "shifted(t, 3)", "adaptive=True"])
def test_a_former_word_is_found(line: str) -> None:
    assert list(old_words(line))
    assert not list(old_words("the network is trained on shifted signals"))
