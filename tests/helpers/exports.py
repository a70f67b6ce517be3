"""A finished run to export, and its rows as they lie in the store, read without the exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments import pipeline
from experiments.collections.load import load_as_trained
from experiments.config import (
    BeirData,
    Bm25Teacher,
    EvaluationConfig,
    InfoNCE,
    MiningConfig,
    NaiveTopK,
    RunConfig,
    TinyStudent,
)
from experiments.execution import Execution
from experiments.ir import NO_DOCUMENT
from experiments.records.schema import RunRecord
from experiments.stages.mine import load_mined
from tests.helpers.beir import write_beir

READ = {"query_length": 16, "passage_length": 32}


def execution_in(root: Path) -> Execution:
    """A store in `root`, whose collections lie beside it."""
    return Execution(store=root / "store", output=root / "out", beir_home=root, device="cpu", threads=1, progress=False)


def make_config(**changes: Any) -> RunConfig:
    """A small run on the collection `toy`."""
    values: dict[str, Any] = {
        "data": BeirData(name="toy", positives="all"),
        "teacher": Bm25Teacher(),
        "miner": NaiveTopK(),
        "mining": MiningConfig(depth=30, num_negatives=2),
        "student": TinyStudent(),
        "train": InfoNCE(steps=3, batch_size=8, **READ),
        "evaluation": EvaluationConfig(**READ),
    }
    return RunConfig(**{**values, **changes})


def finish(root: Path, **changes: Any) -> RunRecord:
    """Run it on a small collection in `root`, in a store beside it."""
    if not (root / "toy").exists():
        write_beir(root / "toy", documents=90, train=24, dev=0, test=10)
    return pipeline.run(make_config(**changes), execution_in(root))


def stored_rows(record: RunRecord, root: Path) -> list[dict[str, Any]]:
    """Each training row with texts, ids and scores, of one part after the other."""
    config, execution = record.run_config(), execution_in(root)
    own = load_as_trained(config, execution=execution, cache=execution.store / "collections")
    rows: list[dict[str, Any]] = []
    for name, one in own.items():
        label, prefix = ("mine", "") if len(own) == 1 else (f"mine {name}", f"{name}/")
        mined = load_mined(execution.store / "mine" / record.artifacts[label]).negatives
        queries, corpus = one.splits["train"].queries, one.corpus
        for r in range(len(mined)):
            held = [s for s in range(mined.document.shape[1]) if mined.document[r, s] != NO_DOCUMENT]
            documents = [int(mined.document[r, s]) for s in held]
            rows.append(
                {
                    "part": name,
                    "query": queries.texts[mined.query[r]],
                    "query_id": prefix + queries.ids[mined.query[r]],
                    "positive": corpus.passages[mined.positive[r]],
                    "positive_id": prefix + corpus.ids[mined.positive[r]],
                    "negatives": [corpus.passages[d] for d in documents],
                    "negative_ids": [prefix + corpus.ids[d] for d in documents],
                    "ranks": [int(mined.rank[r, s]) for s in held],
                    "scores": [float(mined.score[r, s]) for s in held],
                    "positive_scores": [float(mined.positive_score[r, s]) for s in held],
                }
            )
    return rows
