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
from experiments.stages.distill import distill, training_texts
from experiments.store import Artifact, Store
from experiments.students.build import build_student
from tests.helpers.toy import toy_collection, toy_execution

COLLECTION = toy_collection(positives=2)
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


def test_no_text_of_another_split_is_read() -> None:
    train, test = COLLECTION.splits["train"], COLLECTION.splits["test"]
    queries = replace(train.queries, texts=(test.queries.texts[0].upper(), *train.queries.texts[1:]))
    texts = list(COLLECTION.corpus.texts)
    texts[2] = COLLECTION.splits["dev"].queries.texts[3]
    leaky = replace(
        COLLECTION,
        corpus=replace(COLLECTION.corpus, texts=tuple(texts)),
        splits={**COLLECTION.splits, "train": replace(train, queries=queries)},
    )
    asked, read = training_texts(leaky)
    assert asked == list(queries.texts[1:])
    judged = sorted({int(d) for d in train.qrels.document} - {2})
    assert read == [texts[d] for d in judged]


def test_without_a_train_split_it_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no train split to distil on"):
        training_texts(replace(COLLECTION, splits={"test": COLLECTION.splits["test"]}))
