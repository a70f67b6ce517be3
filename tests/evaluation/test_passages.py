"""Texts that collections share are encoded once; one collection alone is encoded as if no other followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from experiments.config import EvaluationConfig, NoTraining
from experiments.evaluation.passages import Encoded, Passages
from experiments.ir import Corpus
from experiments.models.student import student_key
from experiments.stages.evaluate import EvaluationTarget, evaluate
from experiments.store import Store
from tests.helpers.toy import toy_collection, toy_config, toy_execution

COLLECTIONS = st.lists(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=8), min_size=1, max_size=5)


class Counting:
    """An encoder whose vector tells the text, and which remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Encoded:
        self.asked.append(list(texts))
        codes = np.asarray([ord(text) for text in texts])
        return Encoded(np.stack([codes, -codes], axis=1).astype(np.float32), codes)


@given(COLLECTIONS)
def test_each_text_of_an_earlier_collection_is_encoded_once(collections: list[list[str]]) -> None:
    passages, encode = Passages(share_texts=True), Counting()
    expected: list[list[str]] = []
    for i, texts in enumerate(collections):
        passages.next_collection()
        found = passages.encoded(texts, encode)
        codes = [ord(text) for text in texts]
        assert found.lengths.tolist() == codes
        assert found.vectors.tolist() == [[code, -code] for code in codes]
        new = [text for text in texts if not any(text in earlier for earlier in collections[:i])]
        expected += [new] if new else []
    assert encode.asked == expected


@given(COLLECTIONS)
def test_without_sharing_only_the_same_corpus_is_encoded_once(collections: list[list[str]]) -> None:
    passages, encode = Passages(share_texts=False), Counting()
    for texts in collections:
        passages.next_collection()
        assert passages.encoded(texts, encode).lengths.tolist() == [ord(text) for text in texts]
    assert encode.asked == [texts for i, texts in enumerate(collections) if texts not in collections[:i]]


def test_parts_of_one_collection_share_nothing() -> None:
    passages, encode = Passages(share_texts=True), Counting()
    passages.next_collection()
    passages.encoded("ab", encode)
    passages.encoded("bc", encode)
    assert encode.asked == [["a", "b"], ["b", "c"]]


class Measured:
    """Measures one base on targets, and remembers every passage that was encoded since it was asked last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        torch.set_num_threads(1)
        self.read: list[str] = []
        original = SentenceTransformer.encode_document

        def spy(model: SentenceTransformer, inputs: Any, **options: Any) -> Any:
            self.read.extend(inputs)
            return original(model, inputs, **options)

        monkeypatch.setattr(SentenceTransformer, "encode_document", spy)

    def __call__(self, root: Path, *targets: EvaluationTarget, **settings: Any) -> Any:
        self.read.clear()
        execution, config = toy_execution(root), toy_config(train=NoTraining())
        return evaluate(
            config=config.model_copy(update={"evaluation": EvaluationConfig(**settings)}),
            student=None,
            fitted=None,
            student_key=student_key(config.student),
            targets=targets,
            store=Store(execution.store),
            execution=execution,
        )


def overlapping() -> tuple[EvaluationTarget, EvaluationTarget]:
    """Two collections; two thirds of the second's passages are the first's."""
    whole = toy_collection(positives=3)
    own = [f"{text} and some words of its own" if i % 3 == 0 else text for i, text in enumerate(whole.corpus.texts)]
    corpus = Corpus(ids=whole.corpus.ids, titles=whole.corpus.titles, texts=tuple(own))
    first = EvaluationTarget("whole/test", whole.corpus, whole.splits["test"])
    return first, replace(first, task="part/test", corpus=corpus)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_collections_that_share_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    measured = Measured(monkeypatch)
    first, second = overlapping()
    together = measured(tmp_path / "together", first, second, precision=precision)[0]
    passages = [*first.corpus.passages, *second.corpus.passages]
    assert sorted(measured.read) == sorted(set(passages) if precision == "fp32" else passages)
    alone = {
        **measured(tmp_path / "first", first, precision=precision)[0],
        **measured(tmp_path / "second", second, precision=precision)[0],
    }
    assert together["whole/test"] == alone["whole/test"]
    for name, value in alone["part/test"].measures.items():
        exact = precision == "bf16"
        assert together["part/test"].measures[name] == (value if exact else pytest.approx(value, abs=5e-6))


def test_texts_shared_in_bf16_are_named_and_come_out_the_same_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, shared = Measured(monkeypatch), {"precision": "bf16", "share_texts": True}
    first, second = overlapping()
    _, together, (one, two) = measured(tmp_path / "a", first, second, **shared)
    assert sorted(measured.read) == sorted({*first.corpus.passages, *second.corpus.passages})
    _, _, (alone,) = measured(tmp_path / "a", first, precision="bf16")
    assert (alone.key, measured.read) == (one.key, [])
    _, _, (unshared,) = measured(tmp_path / "a", second, precision="bf16")
    assert unshared.key != two.key
    measured(tmp_path / "b", first, **shared)
    _, resumed, (_, again) = measured(tmp_path / "b", first, second, **shared)
    assert again.key == two.key
    assert resumed.equals(together)
    runs = [(artifact.path / "run.parquet").read_bytes() for artifact in (two, again)]
    assert runs[0] == runs[1]
