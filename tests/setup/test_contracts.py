"""The import rules of the house hold (pyproject: tool.importlinter)."""

from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_import_contracts_are_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert lint_imports(cache_dir=None, is_debug_mode=False) == EXIT_STATUS_SUCCESS, capsys.readouterr().out
