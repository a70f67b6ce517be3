"""A config, a record and mined negatives, small and made up."""

import pandas as pd

from experiments.config import DenseTeacher, DocstringsData, InfoNCE, RunConfig, TinyStudent, TopKPercPos
from experiments.records.facts import TaskScores, TrainingFacts
from experiments.records.mining import MiningFacts
from experiments.records.schema import MEASURES, SCHEMA_VERSION, RunRecord

NEGATIVES = [
    {"query": "Invert a matrix", "positive": "The inverse.", "negative": "The pseudo-inverse.", "score": 0.625},
    {"query": "Sort an array", "positive": "In place.", "negative": "Returns a copy.", "score": None},
]

ROWS = [["q1", "d1", "d3", "d4"], ["q2", "d2", "d4"]]

TRAINING = TrainingFacts(
    rows=32,
    steps=2,
    passes=0.5,
    loss=((1, 2.5), (2, 1.5)),
    learning_rate=((1, 1e-4), (2, 5e-5)),
    final_loss=1.5,
    mean_cosine=0.25,
    collapsed=False,
)

MINING = MiningFacts(
    queries=40,
    rows=36,
    kept=32,
    short_rows=4,
    not_common=0,
    without_positive=4,
    candidates=3600,
    rejected=900,
    rejected_reasons={"above_bar": 900},
    mean_rank=12.5,
    mean_gap=0.125,
    mean_positive_score=0.75,
    mean_negative_score=0.625,
    mined=128,
    known_false=3,
    known_false_by_rank=(),
    known_false_by_score=(),
    histograms={},
)


def make_config() -> RunConfig:
    return RunConfig(
        data=DocstringsData(passages=300),
        teacher=DenseTeacher(name="minilm_l6", source="embedded"),
        miner=TopKPercPos(threshold=0.95),
        student=TinyStudent(),
        train=InfoNCE(steps=2),
        seed=3,
    )


def make_scores(*, shift: float = 0.0) -> pd.DataFrame:
    """Two queries, whose means are those of `make_record`."""
    measures = {name: [0.5 + shift, 0.525 + shift] for name in MEASURES}
    return pd.DataFrame({"task": ["docstrings/test"] * 2, "query_id": ["a", "b"], **measures})


def make_record(config: RunConfig) -> RunRecord:
    scores = TaskScores(queries=20, documents=300, measures={"nDCG@10": 0.5125}, mteb=0.5125, content_hash="c0ffee")
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=config.run_id,
        config=config.model_dump(mode="json"),
        environment={"device": "cpu"},
        collections={},
        mining=MINING,
        training=TRAINING,
        tasks={"docstrings/test": scores},
        timings={"train": 1.25, "wall": 3.5},
        cost={"train": 1.25},
        artifacts={},
        per_query="",
    )
