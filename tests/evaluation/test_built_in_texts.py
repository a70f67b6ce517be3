"""What a task of mteb's own asks, for the leak check; and that one which cannot be had is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from experiments.config import EvaluationConfig
from experiments.evaluation.mteb_task import local_task, texts_of
from experiments.evaluation.target import EvaluationTarget
from experiments.stages.evaluate import built_in_texts
from tests.helpers.hub import without_network
from tests.helpers.toy import toy_collection, toy_config


def test_queries_and_the_documents_that_are_relevant_for_them() -> None:
    collection = toy_collection(queries=5, positives=2)
    split = collection.splits["test"]
    found = texts_of(local_task(EvaluationTarget(task="toy/test", corpus=collection.corpus, split=split)))
    assert (found.task, found.queries) == ("toy-test", split.queries)
    relevant = np.unique(split.qrels.document).astype(np.int32)
    assert found.documents == collection.corpus.take(relevant)
    assert 0 < len(found.documents) < len(collection.corpus)


def test_a_task_that_cannot_be_had_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_network(monkeypatch, tmp_path)
    assert constants.HF_HUB_OFFLINE
    asked = toy_config(evaluation=EvaluationConfig(splits=("test",), tasks=("SciFact",)))
    assert built_in_texts(asked) == ([], ("SciFact",))
    assert built_in_texts(asked.model_copy(update={"until": "mine"})) == ([], ())
    assert built_in_texts(toy_config()) == ([], ())
