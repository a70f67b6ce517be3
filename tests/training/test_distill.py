"""Distillation: nearer to the teacher, never on test text, the same again for the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from experiments.config import DenseTeacher, DistilledStudent, ModelStudent
from experiments.errors import UserError
from experiments.ir import Qrels, Split
from experiments.models.student import build_student
from experiments.stages.distill import distill, training_texts
from experiments.store import Artifact, Store
from tests.helpers.toy import toy_collection, toy_execution

TOY = toy_collection(positives=2)
COLLECTION = replace(TOY, splits={"train": TOY.splits["train"]})
"""Without other splits: the toy's judge the same passages as its train split does."""
BASE = ModelStudent(name="l1", source="embedded", layers=(5,), pooling="mean")
TEACHER = DenseTeacher(name="made up", source="embedded")
STUDENT = DistilledStudent(base=BASE, teacher=TEACHER, epochs=3, batch_size=16, learning_rate=5e-4, passage_length=16)


def vectors_of(texts: list[str]) -> np.ndarray[Any, Any]:
    """A stand-in teacher: unit vectors that are a function of a text's words."""
    words = [[np.random.default_rng(sum(map(ord, word))).normal(size=384) for word in text.split()] for text in texts]
    means = np.stack([np.mean(vectors, axis=0) for vectors in words])
    return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)


def run_distill(root: Path, seen: list[str] | None = None) -> tuple[Path, Artifact]:
    def embed(texts: list[str], *, encoder: DenseTeacher, role: str) -> tuple[Any, Any]:
        assert encoder is TEACHER
        if seen is not None:
            seen.extend(texts)
        return vectors_of(texts), None

    torch.set_num_threads(1)
    execution = toy_execution(root)
    return distill(
        student=STUDENT, collection=COLLECTION, store=Store(execution.store), execution=execution, embed=embed
    )


def test_the_student_comes_nearer_to_the_teacher_and_is_made_once(tmp_path: Path) -> None:
    seen: list[str] = []
    folder, artifact = run_distill(tmp_path, seen)
    texts = [text for side in training_texts(COLLECTION) for text in side]
    assert sorted(seen) == sorted(texts)
    before = build_student(BASE, execution=toy_execution(tmp_path)).encode(texts, show_progress_bar=False)
    fitted = build_student(STUDENT, execution=toy_execution(tmp_path), fitted=folder)
    after = fitted.encode(texts, show_progress_bar=False)
    wanted = vectors_of(texts)
    assert (after * wanted).sum(1).mean() > (before * wanted).sum(1).mean() + 0.1
    assert artifact.made
    assert not run_distill(tmp_path)[1].made
    again, _ = run_distill(tmp_path / "again")
    one, two = load_file(folder / "model.safetensors"), load_file(again / "model.safetensors")
    assert all(torch.equal(one[name], two[name]) for name in one)


def judging(name: str, documents: list[int]) -> Split:
    """The toy's split with its first queries, one relevant document each."""
    n = len(documents)
    qrels = Qrels.build(query=range(n), document=documents, grade=[1] * n)
    return Split(queries=TOY.splits[name].queries.take(np.arange(n, dtype=np.int32)), qrels=qrels)


def test_no_text_that_another_split_asks_or_judges_is_read() -> None:
    train, test, dev = TOY.splits["train"], judging("test", [1, 50]), judging("dev", [4, 51])
    queries = replace(train.queries, texts=(test.queries.texts[0].upper(), *train.queries.texts[1:]))
    texts = list(TOY.corpus.texts)
    texts[2] = dev.queries.texts[1]
    texts[50] = texts[6].upper()
    leaky = replace(
        TOY,
        corpus=replace(TOY.corpus, texts=tuple(texts)),
        splits={"train": replace(train, queries=queries), "test": test, "dev": dev},
    )
    asked, read = training_texts(leaky)
    assert asked == list(queries.texts[1:])
    judged = sorted({int(d) for d in train.qrels.document} - {1, 2, 4, 6})
    assert read == [texts[d] for d in judged]


def test_splits_that_judge_other_passages_take_nothing_away() -> None:
    apart = replace(TOY, splits={"train": TOY.splits["train"], "test": judging("test", [50, 51])})
    train = TOY.splits["train"]
    every = [TOY.corpus.texts[d] for d in sorted({int(d) for d in train.qrels.document})]
    assert training_texts(apart) == training_texts(COLLECTION) == (list(train.queries.texts), every)


def test_nothing_left_to_distil_on_is_one_clear_line() -> None:
    train = TOY.splits["train"]
    with pytest.raises(UserError, match="no training text that its other splits neither ask nor judge"):
        training_texts(replace(TOY, splits={"train": train, "test": train}))


def test_without_a_train_split_it_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no train split to distil on"):
        training_texts(replace(TOY, splits={"test": TOY.splits["test"]}))
