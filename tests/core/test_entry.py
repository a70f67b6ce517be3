"""How command lines end: exit codes and lines, in processes of their own where the process's end is what matters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.entry import Parser, guarded
from experiments.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["run", "status", "publish", "judge", "export"]
MODULES = [*(f"experiments.{command}" for command in COMMANDS), "analysis"]


def interrupt() -> int:
    raise KeyboardInterrupt


def mistake() -> int:
    raise UserError("seed=x: should be\na number")


def test_a_mistake_is_one_line_and_an_interruption_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(mistake) == 2
    assert capsys.readouterr().err == "error: seed=x: should be a number\n"
    assert guarded(interrupt) == 130
    assert capsys.readouterr().err.count("\n") == 1
    assert guarded(lambda: 1) == 1
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_one_line_and_another_error_of_the_system_is_not_hidden(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fill() -> int:
        return Path("/dev/full").write_text("x" * 100_000)

    if Path("/dev/full").exists():
        assert guarded(fill) == 2
        line = "error: a file cannot be written (No space left on device): make room where this command writes, or "
        assert capsys.readouterr().err == f"{line}write elsewhere\n"
    with pytest.raises(FileNotFoundError):
        guarded(lambda: len(Path("no/such/file").read_text()))


def test_wrong_arguments_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="python -m it")
    parser.add_subparsers(required=True, metavar="COMMAND").add_parser("build")
    for arguments, line in ((["biuld"], "invalid choice: 'biuld'"), (["build", "--x"], "unrecognized arguments: --x")):
        assert guarded(lambda given=arguments: len(vars(parser.parse_args(given)))) == 2  # type: ignore[misc]
        shown = capsys.readouterr().err
        assert line in shown
        assert shown.count("\n") == 1


@pytest.mark.parametrize("module", MODULES)
def test_help_into_a_reader_that_went_away_is_silent(module: str) -> None:
    """The pipe's reading end is closed before the command writes, as `| head` may do."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, "--help"],
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )
    finally:
        os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141
