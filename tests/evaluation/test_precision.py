"""A student measured in bf16 has one score, whatever batch size the machine is given."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.config import EvaluationConfig, ModelStudent, NoTraining
from experiments.models.student import student_key
from experiments.stages.evaluate import EvaluationTarget, evaluate
from experiments.store import Store
from tests.helpers.toy import toy_collection, toy_config, toy_execution

COLLECTION = toy_collection(positives=3)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_machines_batch_size_and_a_bf16_score(tmp_path: Path, precision: str) -> None:
    config = toy_config(
        train=NoTraining(),
        student=ModelStudent(name="minilm_l6", source="embedded"),
        evaluation=EvaluationConfig(precision=precision),
    )
    runs = []
    for size in (3, 32):
        execution = toy_execution(tmp_path / str(size)).model_copy(update={"inference_batch_size": size})
        _, _, (artifact,) = evaluate(
            config=config,
            student=None,
            fitted=None,
            student_key=student_key(config.student),
            targets=(EvaluationTarget("toy/test", COLLECTION.corpus, COLLECTION.splits["test"]),),
            store=Store(execution.store),
            execution=execution,
        )
        runs.append(pd.read_parquet(artifact.path / "run.parquet").sort_values(["query_id", "document_id"]))
    scores = [run["score"].to_numpy() for run in runs]
    if precision == "bf16":
        assert (scores[0] == scores[1]).all()
    else:
        assert abs(scores[0] - scores[1]).max() < 1e-5
