"""Wording of docstrings and names: the rules of the voice, held by the syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OPENERS = {
    *("as", "he", "her", "his", "how", "it", "its", "likewise", "of", "she", "so", "that", "their"),
    *("these", "they", "this", "those", "what", "whatever", "when", "where", "whether", "which"),
    *("who", "whoever", "whose", "why"),
}
"""Words that open a clause or stand for something else: no docstring begins with one."""

# Former words of the glossary -> the term of the field.
GLOSSARY = {
    r"BlockShards": "TransformerFSDPStrategy",
    r"Clips(?=\()": "ClipDataset",
    r"Descriptions(?=\()": "DescriptionDataset",
    r"Hearing": "ExtractorConfig",
    r"Judges|Judgement": "ScoringPool, DiscriminatorOutput",
    r"Listener|listeners?": "ControlExtractor, extractor",
    r"Modulation": "AdaLN",
    r"NumberedDataModule": "ResumableDataModule",
    r"Numbers(?=\()|import Numbers": "ResumableBatchSampler",
    r"Receipt|receipts?": "AdherenceReport, report",
    r"RecordedDataset": "RawAudioDataset",
    r"Retelling|retell(?:ing)?": "DescriptionResampling",
    r"Segments(?=\()": "SegmentDataset",
    r"WholeCheckpointIO": "AtomicCheckpointIO",
    r"_calm": "damp_residual",
    r"adaptive(?=[=:] ?(?:bool|True|true))": "adaln",
    r"everything(?=[\"':])": "all",
    r"feedforward(?=[=:] ?(?:int|\d))": "mlp_ratio",
    r"goes_on": "resume",
    r"hear[sd]?|wish(?:es|ed)?": "extract, conditions",
    r"initialize(?=\()": "init_pca",
    r"laps?": "epoch",
    r"(?<=\.)located|located(?=[\[:=])": "resolved",
    r"look_near": "init_local_attention_bias",
    r"frozen_elsewhere|elsewhere(?=[:=)])": "provided_by_parts",
    r"shifted(?=\()": "shift_timesteps",
    r"summarize|summary(?=[=:] ?(?:int|\d))": "pool, pooling_queries",
}

FORMER = (
    "assets/demo/config.yaml",
    "jasco/aliases.py",
    "tests/evaluation/test_records.py",
    "tests/project/test_voice.py",
    "tests/test_aliases.py",
)
"""Files with former names: the aliases and their tests, and a saved configuration."""


def files(*suffixes: str) -> dict[str, str]:
    """Path below the project -> text, of code, configurations, documents and notebooks."""
    tops = ("jasco", "scripts", "tests", "conf", "docs", "notebooks", "assets")
    paths = [path for top in tops for path in sorted((ROOT / top).rglob("*"))]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in [*paths, *ROOT.glob("*.md")]
        if path.suffix in suffixes and path.name != "CHANGELOG.md"
    }


def is_in(name: str, parts: tuple[str, ...]) -> bool:
    """True for one of the parts, and for a file in one of them that is a folder."""
    return any(name == part or name.startswith(f"{part}/") for part in parts)


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
            if found := re.search(rf"(?<!\w)(?:{pattern})(?!\w)", line):
                yield number, f"{found[0]!r} is now {term}"


def test_docstrings_open_with_a_term_of_the_field() -> None:
    found = [
        f"{name}:{line}: {text}"
        for name, source in files(".py").items()
        if is_in(name, ("jasco", "scripts", "tests/support"))
        for line, text in bad_openings(source)
    ]
    assert not found, "\n".join(found)


def test_no_former_word_is_left() -> None:
    found = [
        f"{name}:{line}: {text}"
        for name, source in files(".py", ".yaml", ".md", ".ipynb").items()
        if not is_in(name, FORMER)
        for line, text in old_words(source)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("opening", ["What a codec keeps.", "Those of a band.", "It is.", "Of it."])
def test_a_bad_opening_is_found(opening: str) -> None:
    assert list(bad_openings(f'def f():\n    """{opening}"""'))
    assert not list(bad_openings('def f():\n    """Howling noise."""'))


@pytest.mark.parametrize(
    "line",
    [
        "Listener(None)",
        "wishes = 1",
        "shifted(t, 3)",
        "adaptive=True",
        "data.Clips(tracks)",
        "Segments(folder, 3)",
        "from jasco.data.sampler import Numbers",
        "class NumberedDataModule(LightningDataModule):",
        "RecordedDataset",
        "WholeCheckpointIO()",
        "elsewhere: tuple[str, ...]",
        "found.located['model']",
        "begin_run(folder, settings, goes_on=True)",
        "everything: 0.3",
    ],
)
def test_a_former_word_is_found(line: str) -> None:
    assert list(old_words(line))
    assert not list(old_words("the network is trained on shifted signals, as described elsewhere"))
