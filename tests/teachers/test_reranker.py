"""Rerankers: a small random cross-encoder made on the spot, against the library's own predict, pair by pair."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification

from experiments.config import Bm25Teacher, MarginMSE, MiningConfig, RerankerTeacher, TopKPercPos
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import NO_DOCUMENT, Candidates, Collection
from experiments.miners.mine import mine
from experiments.models.tiny import save_tiny_reranker
from experiments.stages.embed import embed
from experiments.stages.retrieve import retrieve
from experiments.store import Artifact, Store
from experiments.teachers.ranking import to_candidates
from experiments.teachers.reranker import rerank
from experiments.teachers.teacher import Question
from experiments.training.distillation import teacher_labels
from tests.helpers.checkpoints import bert_folder
from tests.miners.problems import beir
from tests.teachers.small import collection

DEPTH = 20
FIRST = Bm25Teacher()


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small_reranker"
    folder.mkdir()
    save_tiny_reranker(folder)
    return folder


def reranker(**options: Any) -> RerankerTeacher:
    return RerankerTeacher.model_validate(
        {"name": "small_reranker", "source": "folder", "first_stage": FIRST, "max_length": 64, **options}
    )


def ranked(
    small: Collection, folder: Path, store: Path, teacher: RerankerTeacher | Bm25Teacher, **options: Any
) -> tuple[Candidates, list[Artifact]]:
    execution = Execution.model_validate(
        {"device": "cpu", "progress": False, "inference_batch_size": 7, "model_paths": {folder.name: folder}, **options}
    )
    return retrieve(small, teacher=teacher, depth=DEPTH, store=Store(store), execution=execution, embed=embed)


@cache
def library_model(folder: Path) -> CrossEncoder:
    return CrossEncoder(str(folder), device="cpu", max_length=64, activation_fn=torch.nn.Identity())


def logits(small: Collection, folder: Path, query: int, documents: list[int]) -> list[float]:
    """One pair at a time, by the library."""
    model = library_model(folder)
    asked, passages = small.splits["train"].queries.texts[query], small.corpus.passages
    return [float(model.predict((asked, passages[d]))) for d in documents]


def test_candidates_are_the_first_stages_in_the_order_of_the_librarys_scores(
    model_folder: Path, tmp_path: Path
) -> None:
    small = collection(minable_share=0.8)
    first, _ = ranked(small, model_folder, tmp_path, FIRST)
    found, _ = ranked(small, model_folder, tmp_path, reranker())
    qrels = small.splits["train"].qrels
    outside = 0
    for query in range(len(small.splits["train"].queries)):
        documents = [int(d) for d in first.document[query] if d != NO_DOCUMENT]
        scores = dict(zip(documents, logits(small, model_folder, query, documents), strict=True))
        np.testing.assert_allclose(
            found.score[query, : len(documents)],
            [scores[int(d)] for d in found.document[query, : len(documents)]],
            atol=1e-5,
        )
        assert sorted(found.document[query, : len(documents)].tolist()) == sorted(documents)
        assert (np.diff(found.score[query, : len(documents)]) <= 0).all()
        for at in np.flatnonzero(qrels.query == query):
            judged = int(qrels.document[at])
            assert found.positive_score[at] == pytest.approx(logits(small, model_folder, query, [judged])[0], abs=1e-5)
            place = found.document[query].tolist().index(judged) + 1 if judged in documents else DEPTH + 1
            assert found.positive_rank[at] == place
            outside += judged not in documents
    assert outside > 0


def test_copies_of_a_document_have_one_score_and_keep_the_first_stages_order(
    model_folder: Path, tmp_path: Path
) -> None:
    small = collection()
    assert small.corpus.texts[3] == small.corpus.texts[5] == small.corpus.texts[30]
    found, _ = ranked(small, model_folder, tmp_path, reranker())
    seen = 0
    for documents, scores in zip(found.document, found.score, strict=True):
        copies = [at for at, d in enumerate(documents) if d in (3, 5, 30)]
        assert [documents[at] for at in copies] == sorted(documents[at] for at in copies)
        assert len({float(scores[at]) for at in copies}) <= 1
        seen += len(copies) > 1
    assert seen > 0


def test_the_sigmoid_changes_scores_and_not_the_order(model_folder: Path, tmp_path: Path) -> None:
    small = collection()
    plain, _ = ranked(small, model_folder, tmp_path, reranker())
    bounded, _ = ranked(small, model_folder, tmp_path, reranker(activation="sigmoid"))
    np.testing.assert_array_equal(plain.document, bounded.document)
    np.testing.assert_allclose(bounded.score, 1 / (1 + np.exp(-plain.score)), atol=1e-6)
    assert plain.score.min() < 0


@given(
    scores=st.lists(st.integers(-2, 2), min_size=24, max_size=24),
    width=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_any_scores_rank_as_a_stable_sort_of_the_first_stage(scores: list[int], width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    small = collection(documents=40, queries=3, seed=seed)
    document = np.stack([rng.choice(40, size=4, replace=False) for _ in range(3)]).astype(np.int32)
    document[:, width:] = NO_DOCUMENT
    qrels = small.splits["train"].qrels
    first = Candidates(
        document=document,
        score=np.zeros(document.shape, np.float32),
        positive_score=np.zeros(len(qrels), np.float32),
        positive_rank=np.ones(len(qrels), np.int32),
    )
    table = {}
    asked = small.splits["train"].queries.texts

    def score(pairs: Any) -> np.ndarray:
        assert len(pairs) == len(set(pairs))
        table.update({pair: float(scores[at % 24]) for at, pair in enumerate(pairs)})
        return np.array([table[pair] for pair in pairs], dtype=np.float32)

    ranking = rerank(first, Question(small, 4), score)
    found = to_candidates(ranking, qrels=qrels, depth=4)
    for query in range(3):
        listed = [int(d) for d in document[query] if d >= 0]
        expected = sorted(listed, key=lambda d: -table[asked[query], small.corpus.passages[d]])
        assert found.document[query].tolist() == expected + [NO_DOCUMENT] * (4 - width)
        assert np.isnan(found.score[query, width:]).all()
    for at, (query, judged) in enumerate(zip(qrels.query, qrels.document, strict=True)):
        assert found.positive_score[at] == table[asked[query], small.corpus.passages[judged]]


def test_what_is_made_once_and_what_names_it(model_folder: Path, tmp_path: Path) -> None:
    small = collection()

    def made(teacher: RerankerTeacher | Bm25Teacher, **options: Any) -> list[bool]:
        return [artifact.made for artifact in ranked(small, model_folder, tmp_path, teacher, **options)[1]]

    assert made(FIRST) == [True]
    assert made(reranker()) == [False, True]
    assert made(reranker(), inference_batch_size=3) == [False, False]
    assert made(reranker(activation="sigmoid")) == [False, True]
    assert made(reranker(max_length=32)) == [False, True]
    assert made(reranker(first_stage=Bm25Teacher(k1=1.0))) == [True, True]
    assert made(reranker(precision="bf16")) == [False, True]
    assert made(reranker(precision="bf16", score_batch=8)) == [False, True]


def test_bars_of_negative_logits_lie_below_them_and_distillation_reads_the_logits(
    model_folder: Path, tmp_path: Path
) -> None:
    small = collection()
    low, _ = ranked(small, model_folder, tmp_path, reranker())
    # As of a reranker that finds nothing relevant: all logits negative.
    shift = np.float32(np.nanmax(low.score) + 1)
    low = replace(low, score=low.score - shift, positive_score=low.positive_score - shift)
    mining = MiningConfig(num_negatives=1, depth=10, shortfall="drop")
    mined = mine(
        collection=small, data=beir(), candidates=low, miner=TopKPercPos(threshold=0.9), mining=mining, seed=0
    ).negatives
    assert len(mined) > 0
    assert (mined.bar < mined.positive_score).all()
    assert (mined.score < mined.bar).all()
    asked, passages = small.splits["train"].queries.texts, small.corpus.passages
    model = CrossEncoder(str(model_folder), device="cpu", max_length=64, activation_fn=torch.nn.Identity())
    margins = [
        float(model.predict((asked[q], passages[p])) - model.predict((asked[q], passages[d])))
        for q, p, d in zip(mined.query, mined.positive, mined.document[:, 0], strict=True)
    ]
    np.testing.assert_allclose(teacher_labels(MarginMSE(), mined)[:, 0], margins, atol=1e-5)


def refused(folder: Path, store: Path, **options: Any) -> str:
    with pytest.raises(UserError) as error:
        ranked(collection(), folder, store, reranker(name=folder.name, **options))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_model_without_a_head_is_refused(tmp_path: Path) -> None:
    bert_folder(tmp_path / "bare")
    assert "no head that scores a pair" in refused(tmp_path / "bare", tmp_path)


def test_a_model_with_several_labels_is_refused(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "three").mkdir()
    save_tiny_reranker(tmp_path / "three")
    config = BertConfig.from_pretrained(model_folder, num_labels=3)
    BertForSequenceClassification(config).save_pretrained(tmp_path / "three")
    assert "gives 3 scores for a pair" in refused(tmp_path / "three", tmp_path)


def test_more_tokens_than_positions_are_refused(model_folder: Path, tmp_path: Path) -> None:
    assert "the model has 512 positions" in refused(model_folder, tmp_path, max_length=513)


def test_a_score_that_is_not_finite_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    save_tiny_reranker(folder)
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"][:] = torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    said = refused(folder, tmp_path)
    assert said.startswith("teacher broken gives the query '")
    assert "the score nan" in said
    assert not list((tmp_path / "retrieve").glob("*/.tmp*"))
