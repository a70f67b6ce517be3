"""Per-query scores belong to a record by their digest, however a file holds them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from analysis.__main__ import main
from experiments.records.schema import per_query_digest
from tests.analysis import synthetic

CSV = """task,query_id,nDCG@10,R@100,MRR@10,AP@100
a/test,q1,0.1,1.0,0.3333333333333333,0.25
a/test,q10,0.0,0.0,0.0,0.0
a/test,q2,1.0,1.0,1.0,1.0
"""


def test_digest_is_over_sorted_rows_of_the_columns_as_csv() -> None:
    rows = [
        ("q2", 1.0, 1.0, 1.0, 1.0),
        ("q1", 0.1, 1.0, 1 / 3, 0.25),
        ("q10", 0.0, 0.0, 0.0, 0.0),
    ]
    frame = pd.DataFrame(rows, columns=["query_id", "R@100", "MRR@10", "AP@100", "nDCG@10"]).assign(task="a/test")
    frame[["nDCG@10", "R@100", "MRR@10", "AP@100"]] = [row[1:] for row in rows]
    held = frame.assign(run_id="x").astype({"task": "category", "query_id": "category"})
    assert per_query_digest(held) == hashlib.sha256(CSV.encode()).hexdigest()


def test_rows_in_another_order_are_the_same_scores(tmp_path: Path) -> None:
    folder = synthetic.write_study(tmp_path, blocks={"docstrings": {"docstrings/test": 30}}, seeds=(0,))
    store = tmp_path / "store"
    synthetic.to_store(tmp_path, folder, store)
    for path in (store / "records").glob("*/*.parquet"):
        shuffled = pd.read_parquet(path).sample(frac=1.0, random_state=0)
        shuffled.astype({"task": "category", "query_id": "category"}).to_parquet(path)
    assert main(["build", "--records", str(store)]) == 0
