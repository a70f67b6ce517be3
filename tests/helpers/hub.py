"""Data sets as the Hugging Face hub lays them out, in folders and in a cache, made of a folder in BEIR form."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

COMMIT = "c" * 40
HUB_SPLITS = {"dev": "validation"}
"""How the hub calls a split -> what it is called there."""


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _judgments(folder: Path) -> dict[str, pd.DataFrame]:
    files = sorted((folder / "qrels").glob("*.tsv"))
    return {HUB_SPLITS.get(file.stem, file.stem): pd.read_csv(file, sep="\t") for file in files}


def as_mteb(folder: Path, to: Path, *, subset: str | None = None, judgments: str = "default") -> Path:
    """corpus, queries (parquet) and judgments as configurations of one data set, which its card declares."""
    configs = []
    before = "" if subset is None else f"{subset}-"
    for name in ("corpus", "queries"):
        rows = [{key: row.get(key, "") for key in ("_id", "title", "text")} for row in _rows(folder / f"{name}.jsonl")]
        configs.append(_write(to, f"{before}{name}", {name: pd.DataFrame(rows)}))
    configs.append(_write(to, judgments if subset is None else f"{before}qrels", _judgments(folder)))
    (to / "README.md").write_text("---\nconfigs:\n" + "".join(configs) + "---\n# A card\n", encoding="utf-8")
    return to


def _write(to: Path, name: str, splits: dict[str, pd.DataFrame]) -> str:
    """One parquet file a split; returns what the card says of the configuration."""
    (to / name).mkdir(parents=True)
    lines = [f"- config_name: {name}\n  data_files:\n"]
    for split, frame in splits.items():
        frame.to_parquet(to / name / f"{split}-00000.parquet")
        lines.append(f"  - split: {split}\n    path: {name}/{split}-*\n")
    return "".join(lines)


def as_beir(folder: Path, to: Path) -> Path:
    """Documents and queries as gzip beside a script, judgments as tsv in a data set of their own, `to`-qrels."""
    to.mkdir(parents=True)
    for name in ("corpus", "queries"):
        with (folder / f"{name}.jsonl").open("rb") as plain, gzip.open(to / f"{name}.jsonl.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
    (to / "README.md").write_text("---\nlanguage:\n- en\n---\n# A card\n", encoding="utf-8")
    judged = to.with_name(f"{to.name}-qrels")
    judged.mkdir()
    for split, frame in _judgments(folder).items():
        frame.to_csv(judged / f"{split}.tsv", sep="\t", index=False)
    return to


def in_cache(folder: Path, cache: Path, name: str, commit: str = COMMIT) -> None:
    """Lay a data set into a hub's cache, as its `main`."""
    base = cache / f"datasets--{name.replace('/', '--')}"
    shutil.copytree(folder, base / "snapshots" / commit)
    (base / "refs").mkdir(exist_ok=True)
    (base / "refs" / "main").write_text(commit, encoding="utf-8")


def without_network(patch: pytest.MonkeyPatch, cache: Path) -> None:
    """Let both libraries read these caches alone."""
    import datasets
    from huggingface_hub import constants

    from experiments.collections import hub

    patch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
    patch.setattr(constants, "HF_HUB_OFFLINE", True)
    patch.setattr(datasets.config, "HF_DATASETS_CACHE", cache / "datasets")
    for kept in (hub.snapshot, hub.configurations):
        kept.cache_clear()
