from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from experiments.collections import docstring_source
from experiments.collections.docstring_source import Pair, extract, extract_cached, pinned_versions, read_pairs
from experiments.errors import UserError

NAMED = {"numpy", "scipy", "pandas", "scikit-learn", "sympy", "networkx", "polars", "narwhals"}
SMALL = {"narwhals": version("narwhals")}


def _digest(pairs: list[Pair]) -> str:
    return hashlib.sha256(repr(pairs).encode()).hexdigest()


def test_the_pins_are_the_named_distributions() -> None:
    assert set(pinned_versions()) == NAMED


@pytest.mark.parametrize(("hash_seed", "workers"), [("1", 1), ("2", 2)])
def test_extraction_depends_on_neither_hash_seed_nor_workers(hash_seed: str, workers: int) -> None:
    code = (
        "import sys, tests.collections.test_docstring_source as t\n"
        f"print(t._digest(t.extract(t.SMALL, workers={workers})), 'narwhals' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.split() == [_digest(extract(SMALL, workers=1)), "False"]


def test_another_version_is_one_line_with_the_fix() -> None:
    with pytest.raises(UserError, match=r"reads narwhals==0\.0\.1, but .* is installed: run: pip install") as caught:
        extract({"narwhals": "0.0.1"}, workers=1)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="not installed"):
        extract({"no-such-distribution-here": "1"}, workers=1)


def test_source_is_read_and_never_run(tmp_path: Path) -> None:
    body = '"""Find the rows that match.\n\nIt walks over every row of the table and keeps the matching ones."""\n'
    source = f"{body}raise SystemExit\nclass A:\n    def f(self):\n        r{body}"
    source += f"if True:\n    def g():\n        {body}else:\n    def g():\n        {body}"
    file = tmp_path / "module.py"
    file.write_text(source.replace("\nIt walks", "\n        It walks"), encoding="utf-8")
    assert [found.id for found in read_pairs("pkg/module.py", file)] == [
        "pkg/module.py",
        "pkg/module.py::A.f",
        "pkg/module.py::g",
        "pkg/module.py::g#2",
    ]


def test_the_cache_is_used_and_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstring_source, "pinned_versions", lambda: SMALL)
    made = extract_cached(tmp_path, workers=1)
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]
    monkeypatch.setattr(docstring_source, "extract", None)
    assert extract_cached(tmp_path, workers=1) == made


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: data.rstrip().rfind(b"\n") + 1],
        lambda data: data[:-30],
        lambda data: data.replace(b"the", b"teh", 1),
        lambda data: b"\xff" + data,
        lambda data: data.partition(b"\n")[2],
        lambda data: b"",
    ],
    ids=["a line less", "cut short", "edited", "not UTF-8", "no checksum", "empty"],
)
def test_a_damaged_cache_is_made_anew_with_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    monkeypatch.setattr(docstring_source, "pinned_versions", lambda: SMALL)
    made = extract_cached(tmp_path, workers=1)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    assert extract_cached(tmp_path, workers=1) == made
    assert path.read_bytes() == whole
    (line,) = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]
    assert line.startswith(f"{path} is made anew: ")


def test_pairs_of_the_pinned_texts(real_pairs: list[Pair]) -> None:
    ids = [pair.id for pair in real_pairs]
    assert ids == sorted(set(ids))
    assert not any("/tests/" in name for name in ids)
    by_id = {pair.id: pair for pair in real_pairs}
    assert by_id["scipy/linalg/_matfuncs.py::expm"].query == "Compute the matrix exponential of an array"
    assert all(len(pair.passage) <= 400 for pair in real_pairs)
