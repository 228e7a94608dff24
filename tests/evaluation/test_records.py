from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from jasco.errors import DataError
from jasco.evaluation.records import Key, RecordFile, from_json, read_records, to_json


def record(item: str, seed: int = 0) -> dict[str, object]:
    return {"setting": "all", "seed": seed, "item": item, "scores": {}}


def test_a_line_that_was_cut_is_made_again(tmp_path: Path) -> None:
    file = RecordFile(tmp_path, 0)
    for item in ("a", "b"):
        file.append(record(item))
    file.close()
    path = tmp_path / "records.0.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert set(read_records(tmp_path)) == {Key("all", 0, "a")}
    file = RecordFile(tmp_path, 0)
    file.append(record("b"))
    file.close()
    assert path.read_bytes() == whole


def test_processes_have_files_of_their_own(tmp_path: Path) -> None:
    for rank in (0, 1):
        file = RecordFile(tmp_path, rank)
        file.append(record("a", seed=rank))
        file.close()
    assert set(read_records(tmp_path)) == {Key("all", 0, "a"), Key("all", 1, "a")}


def test_what_is_no_record(tmp_path: Path) -> None:
    assert read_records(tmp_path) == {}
    (tmp_path / "records.0.jsonl").write_text(json.dumps({"seed": 1}) + "\n")
    with pytest.raises(DataError, match=r"records\.0\.jsonl line 1 is no record: .*setting"):
        read_records(tmp_path)


def test_records_in_another_encoding_are_refused(tmp_path: Path) -> None:
    (tmp_path / "records.0.jsonl").write_bytes(b'{"setting": "\xff"}\n')
    with pytest.raises(DataError, match=r"records\.0\.jsonl line 1 is no text in UTF-8"):
        read_records(tmp_path)


def test_numbers_that_json_has_not() -> None:
    plain = to_json({"a": math.nan, "b": -math.inf, "c": 0.5})
    assert plain == {"a": None, "b": None, "c": 0.5}
    back = from_json(plain)
    assert math.isnan(back["a"]) and back["c"] == 0.5
