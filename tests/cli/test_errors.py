from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jasco.cli.errors import one_line_errors
from jasco.errors import CheckpointError, ChordError, MissingPartError
from jasco.notices import printable, show, tell

PROGRAM = """
import sys, time
from jasco.cli.errors import one_line_errors

@one_line_errors("jasco-test")
def main():
    {body}
    return 0

sys.exit(main())
"""


def start(body: str, **kwargs: object) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    options = {"stdout": pipe, "stderr": pipe, "text": True} | kwargs
    return subprocess.Popen([sys.executable, "-c", PROGRAM.format(body=body)], **options)


def ending(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and stderr of a program that meets ``error``."""

    @one_line_errors("jasco-test")
    def main() -> int:
        raise error

    return main(), capsys.readouterr().err


PRINTED = {
    "a\x1b[31mred\x07\x9b2J": r"a\x1b[31mred\x07\x9b2J",
    "a\u202egnp.wav": r"a\u202egnp.wav",  # reads as if it ended in another suffix
    "caf\udce9 \ud800": r"caf\udce9 \ud800",  # a name in Latin-1, and half of a character
    "a\u2028b\u2066c\ufeff": r"a\u2028b\u2066c\ufeff",
    "é ♫ 日本語 नमस्ते \u200d": "é ♫ 日本語 नमस्ते \u200d",
    "back\\slash": "back\\slash",
}


@pytest.mark.parametrize("text", PRINTED, ids=ascii)
def test_what_comes_from_outside_is_printed_without_control_characters(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printable(text) == PRINTED[text]
    for error in (CheckpointError(text), ValueError(text), OSError(2, "No such file", text)):
        _, line = ending(error, capsys)
        assert printable(line[:-1]) == line[:-1]
    tell(text)
    show(text)
    assert capsys.readouterr() == (f"{PRINTED[text]}\n", f"{PRINTED[text]}\n")


def test_a_notice_is_one_line_and_other_warnings_are_as_ever() -> None:
    body = (
        "import warnings; from jasco.errors import JascoWarning\n"
        "    warnings.warn('told\\x1b', JascoWarning); warnings.warn('other')"
    )
    _, said = start(body).communicate(timeout=60)
    told, other, *_ = said.splitlines()
    assert told == r"told\x1b" and other.endswith("UserWarning: other")


@pytest.mark.parametrize("code", [0, 1])
def test_the_code_of_the_program_is_kept(code: int) -> None:
    assert one_line_errors("jasco-test")(lambda: code)() == code


@pytest.mark.parametrize(
    "error, line",
    [
        (CheckpointError("no such model\n  use demo"), "no such model use demo"),
        (ChordError("'H' at 4 is no chord", position=4), "'H' at 4 is no chord"),
        (MissingPartError("run pip install 'jasco[drums]'"), "run pip install 'jasco[drums]'"),
        (OSError(errno.ENOSPC, "No space left", "a.wav"), "'a.wav': No space left"),
        (OSError(errno.EXDEV, "Cross-device", "a", None, "b"), "'a' -> 'b': Cross-device"),
        (OSError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError("a sentence"), "OSError: a sentence"),
        (ValueError("bad\nnews"), "ValueError: bad news (JASCO_DEBUG=1 shows where)"),
    ],
)
def test_an_error_is_one_line_and_1(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JASCO_DEBUG", raising=False)
    assert ending(error, capsys) == (1, f"jasco-test: error: {line}\n")


def test_debug_shows_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JASCO_DEBUG", "1")
    with pytest.raises(CheckpointError, match="no such model"):
        ending(CheckpointError("no such model"), capsys)


def test_wrong_usage_stays_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        ending(SystemExit(2), capsys)
    assert end.value.code == 2


def test_a_real_file_error_names_the_file(tmp_path: Path) -> None:
    program = start(f"open({str(tmp_path / 'absent' / 'a.wav')!r}, 'w')")
    _, stderr = program.communicate(timeout=60)
    assert program.returncode == 1
    assert stderr.count("\n") == 1
    assert "a.wav" in stderr and "No such file" in stderr


def test_ctrl_c_is_one_line_and_130() -> None:
    program = start("print('ready', flush=True); time.sleep(60)")
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGINT)
    _, stderr = program.communicate(timeout=60)
    assert (program.returncode, stderr) == (130, "jasco-test: interrupted\n")


def test_a_reader_that_goes_away_is_no_news() -> None:
    program = start("[print('line') for _ in range(100_000)]")
    assert program.stdout is not None and program.stderr is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.stderr.read() == ""
    assert program.wait(timeout=60) == 1


def test_a_full_disk_behind_stdout_is_one_line() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        program = start("print('a report')", stdout=full)
        _, stderr = program.communicate(timeout=60)
    assert program.returncode == 1
    assert stderr == "jasco-test: error: No space left on device\n"


@pytest.mark.parametrize("closed", [1, 2])
def test_lines_of_a_closed_stream_are_discarded(closed: int, tmp_path: Path) -> None:
    body = f"print('a'); print('b', file=sys.stderr); open({str(tmp_path / 'c')!r}, 'w').write('c')"
    program = subprocess.run(
        [
            "sh",
            "-c",
            f'exec "$@" {closed}>&-',
            "sh",
            sys.executable,
            "-c",
            PROGRAM.format(body=body),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    expected = {1: ("", "b\n"), 2: ("a\n", "")}[closed]
    assert (program.returncode, program.stdout, program.stderr) == (0, *expected)
    assert (tmp_path / "c").read_text() == "c"
