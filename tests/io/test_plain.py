"""Plain data from outside: right values, and limits that hold before memory or time is spent."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml

from jasco.errors import CheckpointError, DataError, SettingError
from jasco.io.jsonl import read_lines
from jasco.io.plain import (
    MAX_JSON_BYTES,
    MAX_YAML_BYTES,
    parse_json,
    parse_object,
    parse_yaml,
    read_json,
    read_yaml,
)

LAUGHS = "a0: &a0 [1, 2, 3]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
)
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))

BAD_JSON = {
    "nan": ('{"a": NaN}', "NaN is no JSON"),
    "infinity": ('{"a": -Infinity}', "-Infinity is no JSON"),
    "overflow": ('{"a": 1e999}', "1e999 is too large a number"),
    "thirty thousand digits": ("1" * 30_000, "digits"),
    "deep lists": ("[" * 80 + "]" * 80, "more than 64 deep"),
    "deep objects": ('{"a":' * 70 + "1" + "}" * 70, "more than 64 deep"),
    "bottomless": ("[" * 2_000_000, "more than 64 deep"),
    "many values": ("[" + "0," * 2_000_001 + "0]", "more than 2,000,000 values"),
    "large": ('"' + "a" * MAX_JSON_BYTES + '"', "larger than the 16 MiB"),
    "twice": ('{"seed": 1, "seed": 2}', "'seed' stands twice"),
    "half a pair": ('{"a": ["\\ud800"]}', "surrogate"),
    "half a pair as key": ('{"\\udfff": 1}', "surrogate"),
    "no text": (b"\xff{}", "no text in UTF-8"),
    "empty": ("", "no JSON"),
    "cut": ('{"a": 1', "no JSON"),
    "control character": ('"a\x00b"', "no JSON"),
}

BAD_YAML = {
    "laughs": (LAUGHS, "more than 2,000,000 values"),
    "merged laughs": (MERGED, "more than 2,000,000 values"),
    "chain of aliases": (CHAIN, "more than 64 deep"),
    "recursive alias": ("a: &a [1, *a]", "holds itself"),
    "unknown alias": ("a: *b", "stands for nothing"),
    "deep flow": ("[" * 80 + "]" * 80, "more than 64 deep"),
    "deep blocks": ("".join(f"{' ' * n}a:\n" for n in range(80)), "more than 64 deep"),
    "bottomless": ("[" * 200_000, "no YAML"),
    "bottomless pairs": ("[{" * 100_000, "no YAML"),
    "large": ("a" * (MAX_YAML_BYTES + 1), "larger than the 256 KiB"),
    "nan": ("a: .nan", "nan is not finite"),
    "infinity": ("a: -.inf", "-inf is not finite"),
    "twice": ("seed: 1\nseed: 2", "'seed' stands twice"),
    "code": ("!!python/object/apply:os.getcwd []", "no YAML"),
    "set": ("a: !!set {b, c}", "set"),
    "bytes": ("a: !!binary aGk=", "bytes"),
    "tagged date": ("a: !!timestamp 2024-01-01", "date"),
    "list as key": ("? [a, b]\n: c", "no YAML"),
    "wrong int": ("a: !!int b", "no YAML"),
    "two documents": ("a: 1\n---\nb: 2", "no YAML"),
    "tab": ("a:\n\t- b", "no YAML"),
    "no text": (b"a: \xff", "no text in UTF-8"),
    "control character": ("a: \x00", "no YAML"),
}


@pytest.mark.parametrize("text, message", BAD_JSON.values(), ids=BAD_JSON)
def test_json_is_refused_with_the_reason(text: str | bytes, message: str) -> None:
    started = time.process_time()
    with pytest.raises(SettingError, match=message) as caught:
        parse_json(text, "x.json", SettingError)
    assert str(caught.value).startswith("x.json ") and str(caught.value).count("x.json") == 1
    assert len(str(caught.value)) < 300
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text, message", BAD_YAML.values(), ids=BAD_YAML)
def test_yaml_is_refused_with_the_reason(text: str | bytes, message: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(CheckpointError, match=message) as caught:
        parse_yaml(text, "x.yaml", CheckpointError)
    assert str(caught.value).startswith("x.yaml ") and str(caught.value).count("x.yaml") == 1
    assert len(str(caught.value)) < 400
    assert time.process_time() - started < 5
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()


MARKS = {
    "none": (b"", "utf-8"),
    "UTF-8": (codecs.BOM_UTF8, "utf-8"),
    "UTF-16 LE": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "UTF-16 BE": (codecs.BOM_UTF16_BE, "utf-16-be"),
    "UTF-32 LE": (codecs.BOM_UTF32_LE, "utf-32-le"),
    "UTF-32 BE": (codecs.BOM_UTF32_BE, "utf-32-be"),
}


@pytest.mark.parametrize("mark, encoding", MARKS.values(), ids=MARKS)
def test_a_byte_order_mark_is_no_part_of_the_data(
    mark: bytes, encoding: str, tmp_path: Path
) -> None:
    value = {"text": "schöne Grüße 𝄞", "n": 1.5}
    text = json.dumps(value, ensure_ascii=False)
    for name in ("a.json", "a.yaml", "a.jsonl"):
        (tmp_path / name).write_bytes(mark + f"{text}\n".encode(encoding))
    with gzip.open(tmp_path / "a.jsonl.gz", "wb") as file:
        file.write(mark + f"{text}\r\n\n{text}".encode(encoding))
    assert read_json(tmp_path / "a.json", DataError) == value
    assert read_yaml(tmp_path / "a.yaml", DataError) == value
    assert [row for _, row in read_lines(tmp_path / "a.jsonl")] == [value]
    assert [row for _, row in read_lines(tmp_path / "a.jsonl.gz")] == [value, value]
    assert parse_json("\ufeff" + text, "text", DataError) == value


PLAIN = [
    None,
    {},
    {"a": [1, -2.5, True, None, "", "é", {"b": []}]},
    {"date": "2024-01-01", "number": "1e-4", "yes": "yes", "big": 2**62},
]


@pytest.mark.parametrize("value", PLAIN)
def test_plain_data_comes_back(value: Any) -> None:
    assert parse_json(json.dumps(value), "text", DataError) == value
    assert parse_yaml(yaml.safe_dump(value), "text", DataError) == value


def test_yaml_reads_what_people_write() -> None:
    text = "base: &b {dim: 8, heads: 2}\nmodel:\n  <<: *b\n  heads: 4\nagain: *b\nday: 2024-01-01\n"
    assert parse_yaml(text, "text", DataError) == {
        "base": {"dim": 8, "heads": 2},
        "model": {"dim": 8, "heads": 4},
        "again": {"dim": 8, "heads": 2},
        "day": "2024-01-01",
    }
    assert parse_yaml("a: .inf", "text", DataError, finite=False) == {"a": float("inf")}
    assert parse_yaml("", "text", DataError) is None


def test_a_line_ends_only_where_jsonl_says(tmp_path: Path) -> None:
    value = {"text": "one\u2028two\x85three"}
    (tmp_path / "a.jsonl").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    assert [row for _, row in read_lines(tmp_path / "a.jsonl")] == [value]


def test_depth_and_breadth_that_are_in_use_pass() -> None:
    deep = "[" * 60 + "]" * 60
    for parse in (parse_json, parse_yaml):
        parse(deep, "text", DataError)
    assert len(parse_json(json.dumps(list(range(500_000))), "text", DataError)) == 500_000


def test_an_object_is_asked_for() -> None:
    with pytest.raises(DataError, match="x.json is no JSON object but a list"):
        parse_object("[1]", "x.json", DataError)


@pytest.mark.parametrize("name", ["missing.json", "folder", "nul\0.json"])
def test_what_is_no_file_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for read in (read_json, read_yaml):
        with pytest.raises(SettingError, match="cannot read"):
            read(tmp_path / name, SettingError)


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for read in (read_json, read_yaml, read_lines):
        with pytest.raises(DataError, match="named pipe"):
            read(tmp_path / "pipe.jsonl", DataError)


def test_a_small_archive_does_not_unpack_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * 200_000_000 + b"{}", 9))
    with pytest.raises(DataError, match="larger than the 16 MiB|more than 200 times its size"):
        read_lines(path)
    path.write_bytes(gzip.compress(b"  \n" * 60_000_000, 9))
    with pytest.raises(DataError, match="more than 200 times its size|more than 5,000,000 lines"):
        read_lines(path)
    path.write_bytes(gzip.compress(b'{"path": "a.wav"}\n' * 100_000, 9))  # alike, but honest
    assert len(read_lines(path)) == 100_000


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n[2]\n')
    with pytest.raises(DataError, match="a.jsonl line 3 is no JSON object but a list"):
        read_lines(path)
    path.write_bytes(b'{"a": 1}\n{"a": "\xff"}\n')
    with pytest.raises(DataError, match="no text in UTF-8"):
        read_lines(path)
