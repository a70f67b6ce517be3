"""Stages embed and retrieve with the real MiniLM: what is computed once, and that it is right."""

from pathlib import Path

import numpy as np
import pytest

from experiments.config import Bm25Teacher, DenseTeacher, RandomTeacher
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection
from experiments.models.encoder import load_encoder
from experiments.stages.embed import embed
from experiments.stages.retrieve import retrieve
from experiments.store import Store
from tests.teachers.small import collection

TEACHER = DenseTeacher(name="minilm_l6", source="embedded", pooling="mean", max_length=256)
EXECUTION = Execution(device="cpu", progress=False, inference_batch_size=4)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def made(small: Collection, store: Store, teacher: DenseTeacher = TEACHER, **options: object) -> list[bool]:
    execution = EXECUTION.model_copy(update=options)
    return [
        artifact.made
        for artifact in retrieve(small, teacher=teacher, depth=20, store=store, execution=execution, embed=embed)[1]
    ]


def test_one_encoding_pass_and_one_search(store: Store) -> None:
    small = collection()
    assert made(small, store) == [True, True, True]
    assert made(small, store) == [False, False, False]
    assert made(small, store, inference_batch_size=7, threads=1) == [False, False, False]
    assert made(small, store, TEACHER.model_copy(update={"query_prompt": "query: "})) == [False, True, True]
    deeper = retrieve(small, teacher=TEACHER, depth=30, store=store, execution=EXECUTION, embed=embed)
    assert [artifact.made for artifact in deeper[1]] == [False, False, True]


def test_every_reading_has_its_own_vectors(store: Store) -> None:
    readings = (
        {"max_length": 8},
        {"layers": (0, 2, 5)},
        {"precision": "bf16"},
        {"pooling": "cls"},
        {"normalize": False},
    )
    texts = ["Compute the inverse of a matrix.", "Sort values along an axis, and return the labels that sort them."]
    seen = []
    for change in ({}, *readings):
        encoder = TEACHER.model_copy(update=change)
        vectors, artifact = embed(texts, encoder=encoder, role="document", store=store, execution=EXECUTION)
        assert artifact.made
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6) == encoder.normalize
        assert not any(np.array_equal(vectors, other) for other in seen)
        seen.append(np.array(vectors))
    assert (seen[0] * seen[3]).sum(axis=1).min() > 0.99


def test_vectors_stand_in_the_order_of_the_texts(store: Store) -> None:
    texts = [f"{'very ' * (i % 7)}long text number {i}" for i in range(150)]
    vectors, _ = embed(texts, encoder=TEACHER, role="query", store=store, execution=EXECUTION)
    some = [3, 77, 149]
    alone = load_encoder(TEACHER, execution=EXECUTION).encode_query([texts[i] for i in some])
    assert np.allclose(vectors[some], alone, atol=1e-5)


def test_no_texts_are_no_vectors(store: Store) -> None:
    vectors, _ = embed([], encoder=TEACHER, role="query", store=store, execution=EXECUTION)
    assert vectors.shape == (0, 384)


def test_dense_candidates_equal_brute_force_over_the_vectors(store: Store) -> None:
    small = collection(minable_share=0.7)
    train = small.splits["train"]
    found, _ = retrieve(small, teacher=TEACHER, depth=20, store=store, execution=EXECUTION, embed=embed)
    documents, _ = embed(small.corpus.passages, encoder=TEACHER, role="document", store=store, execution=EXECUTION)
    queries, _ = embed(train.queries.texts, encoder=TEACHER, role="query", store=store, execution=EXECUTION)
    scores = (queries.astype(np.float64) @ documents.astype(np.float64).T).astype(np.float32)
    minable = np.nonzero(small.minable)[0]
    assert found.document.tolist() == [sorted(minable, key=lambda d: (-row[d], d))[:20] for row in scores]
    assert np.array_equal(found.score, np.take_along_axis(scores, found.document, axis=1))
    assert np.array_equal(found.positive_score, scores[train.qrels.query, train.qrels.document])
    listed = found.positive_rank <= 20
    assert listed.any()
    at = found.document[train.qrels.query[listed], found.positive_rank[listed] - 1]
    assert np.array_equal(at, train.qrels.document[listed])
    assert not any(
        d in found.document[q] for q, d in zip(train.qrels.query[~listed], train.qrels.document[~listed], strict=True)
    )


@pytest.mark.parametrize("teacher", [Bm25Teacher(), RandomTeacher()], ids=["bm25", "random"])
def test_teachers_without_vectors_search_once(teacher: Bm25Teacher | RandomTeacher, store: Store) -> None:
    small = collection()

    def no_embed(*_: object, **__: object) -> None:
        raise AssertionError("encoded something")

    runs = [
        retrieve(small, teacher=teacher, depth=20, store=store, execution=EXECUTION, embed=no_embed) for _ in range(2)
    ]
    assert [[artifact.made for artifact in used] for _, used in runs] == [[True], [False]]
    for field in ("document", "score", "positive_score", "positive_rank"):
        assert np.array_equal(getattr(runs[0][0], field), getattr(runs[1][0], field))


def test_a_collection_without_a_train_split_is_one_line(store: Store) -> None:
    small = collection()
    bare = Collection(small.name, small.corpus, {"test": small.splits["train"]}, small.minable, {})
    with pytest.raises(UserError, match="small has no train split"):
        retrieve(bare, teacher=Bm25Teacher(), depth=5, store=store, execution=EXECUTION, embed=embed)
