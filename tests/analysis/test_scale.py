"""The page of scale: every number from the measurements, and what follows from them by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.scale import FILE, read_scale, scale_page
from experiments.errors import UserError

MACHINE = {"processor": "a processor", "threads": 1}
INDEX = {"index": "IVF", "setting": "8 of 64 lists", "build_seconds": 3.0, "recall": 0.9, "recall_top": 0.95}
SEARCH = {
    "passages": 1_000_000,
    "dimension": 384,
    "queries": 1000,
    "depth": 100,
    "top": 10,
    "exact_seconds": 38.4,
    "indexes": [{**INDEX, "search_seconds": 3.84}],
    "machine": MACHINE,
}
MEASURED: dict[str, Any] = {
    "memory": {
        "passages": 1_000_000,
        "words": 10,
        "queries": 1000,
        "depth": 100,
        "dimension": 384,
        "shard": 50_000,
        "stages": [{"stage": "embed", "own_mb": 1234.0, "mapped_mb": 567.0}],
        "machine": MACHINE,
    },
    "real": {**SEARCH, "vectors": "nfcorpus", "encoded_per_second": 100.0},
    "synthetic": {**SEARCH, "vectors": "synthetic", "encoded_per_second": None},
}


def written(folder: Path, measured: object) -> Path:
    path = folder / FILE
    path.write_text(json.dumps(measured), encoding="utf-8")
    return path


def test_arithmetic_follows_from_the_measured_rates(tmp_path: Path) -> None:
    """10^10 products a second: 10^8 x 10^5 x 384 of them take 384,000 s; 10^8 passages at 100 a second 10^6 s."""
    page = scale_page(read_scale(written(tmp_path, MEASURED)))
    assert "10.0 billion products" in page
    assert "| embed | 1,234 | 567 |" in page
    assert "| 1,000,000: nfcorpus | IVF | 8 of 64 lists | 0.900 | 0.950 | 3.84 | 3 |" in page
    row = next(line for line in page.splitlines() if line.startswith("| 100,000,000 | 384 |"))
    assert row == "| 100,000,000 | 384 | 154 GB | 307 GB | 179 GB | 107 | 11 | 278 |"


def test_a_file_of_another_form_is_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, {**MEASURED, "real": {**SEARCH, "vectors": "nfcorpus"}})
    with pytest.raises(
        UserError, match=r"real.encoded_per_second: Field required: delete it, then run `make scale` again"
    ):
        read_scale(path)
