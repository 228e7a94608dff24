from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jasco.cli import doctor
from jasco.cli.doctor import Finding, Section
from jasco.workers import usable_cores

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def examine_elsewhere(title: str, **environment: str) -> dict[str, Finding]:
    """The findings of one section in a process of its own, under other environment variables."""
    code = f"""if True:
        import dataclasses, json
        from jasco.cli.doctor import SECTIONS, examine
        (section,) = (section for section in SECTIONS if section.title == {title!r})
        print(json.dumps([dataclasses.asdict(finding) for finding in examine(section)]))
    """
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {row["part"]: Finding(**row) for row in json.loads(result.stdout)}


def examined(part: str, title: str = "weights and plugins") -> Finding:
    """Finding of a section in this process, for variables that no package keeps."""
    (section,) = (section for section in doctor.SECTIONS if section.title == title)
    return next(finding for finding in doctor.examine(section) if finding.part == part)


def rows(output: str) -> dict[str, dict[str, str]]:
    report = json.loads(output)["report"]
    return {row["part"]: row for section in report.values() for row in section}


def test_this_environment_can_generate(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--json"]) == 0
    output = capsys.readouterr().out
    assert json.loads(output)["ok"] is True
    found = rows(output)
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert found[canonicalize_name(requirement.name)]["state"] == "ok"
    assert found["model"]["state"] == found["conf"]["state"] == found["assets"]["state"] == "ok"
    assert found["precision"]["detail"].split(",")[0] in ("bfloat16", "float32")


def test_each_optional_package_is_there_or_has_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    optional = PROJECT["optional-dependencies"]
    assert optional.keys() - {"all", "docs", "dev"} == doctor.EXTRAS.keys()
    (everything,) = map(Requirement, optional["all"])
    assert everything.name == "jasco" and everything.extras == doctor.EXTRAS.keys()
    doctor.main(["--json"])
    found = rows(capsys.readouterr().out)
    first: dict[str, str] = {}  # of the extras that name a package
    for extra in doctor.EXTRAS:
        for requirement in map(Requirement, optional[extra]):
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue  # of another version of Python
            first.setdefault(canonicalize_name(requirement.name), extra)
    for part, extra in first.items():
        row = found[part]
        assert row["state"] == "ok" or row["remedy"] == f"pip install 'jasco[{extra}]'"


def test_the_table_says_the_same_as_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.main(["--json"])
    found = rows(capsys.readouterr().out)
    assert doctor.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "all requirements of generation are met"
    table = [line.split(maxsplit=2) for line in lines if line.startswith("  ")]
    assert [cells[:2] for cells in table] == [[r["part"], r["state"]] for r in found.values()]
    assert all(
        cells[2].startswith(r["detail"]) for cells, r in zip(table, found.values(), strict=True)
    )


def test_a_core_package_that_does_not_load_is_found(tmp_path: Path) -> None:
    (tmp_path / "safetensors.py").write_text("raise OSError('libfoo.so is missing')")
    result = subprocess.run(
        [Path(sys.executable).with_name("jasco-doctor"), "--json"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (1, "")
    assert json.loads(result.stdout)["ok"] is False
    row = rows(result.stdout)["core"]
    assert (row["state"], row["detail"]) == ("broken", "OSError: libfoo.so is missing")


def test_versions_out_of_range_and_absent_packages_are_found() -> None:
    absent = Requirement("surely-not-installed>=1")
    assert doctor._package(absent, "mend it").state == "broken"
    assert doctor._package(absent, "mend it", "a purpose") == Finding(
        "surely-not-installed", "missing", "a purpose", "mend it"
    )
    old = doctor._package(Requirement("torch>=999"), "mend it")
    assert old.state == "broken" and old.detail.endswith("does not fit >=999")


def test_an_error_in_a_section_is_a_finding_of_it() -> None:
    def find() -> Iterator[Finding]:
        yield Finding("first", "ok", "1.0")
        raise RuntimeError("no driver")

    assert doctor.examine(Section("machine", find)) == [
        Finding("first", "ok", "1.0"),
        Finding("machine", "broken", "RuntimeError: no driver"),
    ]


def test_the_weights_of_demucs_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("demucs", reason="needs pip install 'jasco[drums]'")
    weights = tmp_path / "separator.safetensors"
    monkeypatch.setenv("JASCO_DEMUCS_WEIGHTS", str(weights))
    found = examined("separator")
    assert (found.state, found.detail) == ("missing", f"nothing at {weights}")
    assert "JASCO_DEMUCS_WEIGHTS" in found.remedy
    weights.touch()
    assert examined("separator") == Finding("separator", "ok", str(weights))
    named = {"JASCO_DEMUCS_WEIGHTS": "", "HF_HUB_CACHE": str(tmp_path / "cache")}
    found = examine_elsewhere("weights and plugins", **named)["separator"]
    assert (found.state, found.detail) == ("missing", "not fetched yet")


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_threads_are_stated(number: str) -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("jasco-doctor"), "--json"],
        env={**os.environ, "OMP_NUM_THREADS": number},
        capture_output=True,
        text=True,
    )
    cores = usable_cores()
    threads = min(int(number), cores)
    assert rows(result.stdout)["threads"]["detail"].startswith(
        f"{threads} on {cores} usable cores, waiting asleep "
    )


def test_chordino_is_missing_from_an_empty_folder(tmp_path: Path) -> None:
    pytest.importorskip("vampyhost", reason="needs pip install 'jasco[chords]'")
    places = {"VAMP_PATH": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    found = examine_elsewhere("weights and plugins", **places)["chordino"]
    assert found.state == "missing"
    assert str(tmp_path) in found.detail and found.remedy == "jasco-doctor --install-chordino"


def doctor_in_a_shell(answer: str | None, *options: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of `jasco-doctor`, typing an ``answer``."""
    ours, terminal = pty.openpty()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("jasco-doctor"), *options],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL if answer is None else terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(ours, f"{answer}\n".encode())
    output, _ = process.communicate()
    os.close(ours)
    os.close(terminal)
    return process.returncode, output


@pytest.mark.parametrize(
    "answer, says", [(None, "--yes"), ("n", "was not installed"), ("", "was not installed")]
)
def test_chordino_is_not_installed_without_a_yes(
    answer: str | None, says: str, tmp_path: Path
) -> None:
    pytest.importorskip("vampyhost", reason="needs pip install 'jasco[chords]'")
    nowhere = {"VAMP_PATH": str(tmp_path / "empty"), "XDG_DATA_HOME": str(tmp_path / "data")}
    # Were it tried, pip would find nothing and say so.
    nowhere |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    code, output = doctor_in_a_shell(answer, "--install-chordino", **nowhere)
    assert code == 1
    *_, last = output.splitlines()
    assert "jasco-doctor: error: " in last and says in last and "pip" not in last
    assert answer is None or "GNU General\nPublic License" in output
    assert not (tmp_path / "data").exists()


def test_chordino_that_is_installed_is_found_tried_and_kept() -> None:
    pytest.importorskip("vampyhost", reason="needs pip install 'jasco[chords]'")
    before = examine_elsewhere("weights and plugins")["chordino"]
    if before.state == "missing":
        pytest.skip(f"Chordino: {before.detail}; {before.remedy} --yes")
    assert before.state == "ok" and Path(before.detail).is_file()
    code, output = doctor_in_a_shell(None, "--install-chordino")
    assert (code, output.splitlines()[-1]) == (
        0,
        f"Chordino extracted a test cadence correctly: {before.detail}",
    )


@pytest.mark.parametrize("offline, says", [("1", "nothing is downloaded"), ("0", "downloads")])
def test_the_hub_settings_are_shown(offline: str, says: str, tmp_path: Path) -> None:
    found = examine_elsewhere("Hub", HF_HUB_OFFLINE=offline, HF_HUB_CACHE=str(tmp_path))
    assert found["cache"].detail == str(tmp_path)
    assert says in found["network"].detail


def test_a_program_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert examined("ffmpeg", "programs") == Finding("ffmpeg", "ok", str(program))
    absent = examined("fluidsynth", "programs")
    assert absent.state == "missing" and absent.remedy


def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        doctor.main(["--jso", "--nonsense"])
    assert end.value.code == 2
    with pytest.raises(SystemExit) as end:
        doctor.main(["--yes"])
    assert end.value.code == 2


def test_the_soundfont_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.sf2"
    monkeypatch.setenv("JASCO_SOUNDFONT", str(path))
    missing = examined("soundfont")
    assert missing.state == "missing" and str(path) in missing.detail
    assert missing.remedy.startswith("apt install")
    path.touch()
    assert examined("soundfont") == Finding("soundfont", "ok", str(path))


def test_the_weights_of_deep_salience_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    monkeypatch.setenv("JASCO_SALIENCE_WEIGHTS", str(path))
    found = examined("salience")
    assert found.state == "missing" and "JASCO_SALIENCE_WEIGHTS" in str(found.remedy)
    path.touch()
    found = examined("salience")
    assert found.state == "ok" and found.detail == str(path)
