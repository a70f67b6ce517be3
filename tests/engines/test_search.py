"""Search by shards against brute force over the whole corpus: the very same documents, scores and order of ties."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import DenseTeacher
from experiments.engines.shards import Kept
from experiments.execution import Execution
from experiments.stages.embed import embed
from experiments.stages.retrieve import retrieve
from experiments.store import Store
from experiments.teachers import sharded
from experiments.teachers.sharded import FOUND, Searcher, merge, search_shards
from tests.engines.texts import tiny_teacher
from tests.teachers.small import collection

HERE = Execution(device="cpu", progress=False)


def brute_force(queries: np.ndarray, documents: np.ndarray, pool: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = (queries.astype(np.float64) @ documents.astype(np.float64).T).astype(np.float32)
    order = np.array([sorted(pool.tolist(), key=lambda d: (-row[d], d))[:k] for row in scores]).reshape(-1, k)
    return order, np.take_along_axis(scores, order.astype(np.int64), axis=1)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), documents=st.integers(1, 30), queries=st.integers(1, 4), rows=st.integers(1, 31))
def test_shards_of_any_size_give_what_one_search_gives(
    data: st.DataObject, documents: int, queries: int, rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whole numbers, so that most scores are equal to others, within a shard and across."""
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    asked = draw.integers(-1, 2, size=(queries, 3)).astype(np.float32)
    corpus = draw.integers(-1, 2, size=(documents, 3)).astype(np.float32)
    pool = np.flatnonzero(draw.random(documents) < 0.8).astype(np.int32)
    pool = pool if len(pool) else np.arange(documents, dtype=np.int32)
    k = data.draw(st.integers(1, len(pool)))
    kept = Kept(tmp_path_factory.mktemp("kept"))
    found = search_shards(asked, corpus, pool, k, rows=rows, execution=HERE, kept=kept)
    expected = brute_force(asked, corpus, pool, k)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), sizes=st.lists(st.integers(0, 6), min_size=1, max_size=5), queries=st.integers(1, 3))
def test_merged_shards_are_a_stable_sort_of_all(data: st.DataObject, sizes: list[int], queries: int) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    scores = draw.integers(-2, 3, size=(queries, sum(sizes))).astype(np.float32)
    k = data.draw(st.integers(0, sum(sizes)))
    parts, start = [], 0
    for size in sizes:
        own = scores[:, start : start + size]
        columns = np.argsort(-own, axis=1, kind="stable")[:, :k]
        part = np.empty(columns.shape, dtype=FOUND)
        part["document"], part["score"] = columns + start, np.take_along_axis(own, columns, axis=1)
        parts.append(part)
        start += size
    document, score = merge(parts, k)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert np.array_equal(document, expected)
    assert np.array_equal(score, np.take_along_axis(scores, expected, axis=1))


def test_a_stopped_search_goes_on_at_the_next_shard_and_its_result_is_that_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, execution = tiny_teacher(tmp_path / "tiny")
    small = collection(minable_share=0.7)
    monkeypatch.setattr(sharded, "room_on", lambda _: type("Room", (), {"block": 1}))
    execution = execution.model_copy(update={"shard": 16})
    searched: list[int] = []
    best = Searcher.best

    def stop_at_the_third(self: Searcher, shard: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        if len(searched) == 2:
            searched.append(0)
            raise KeyboardInterrupt
        searched.append(len(shard[0]))
        return best(self, shard)

    monkeypatch.setattr(Searcher, "best", stop_at_the_third)
    store = Store(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        retrieve(small, teacher=teacher, depth=20, store=store, execution=execution, embed=embed)
    found, _ = retrieve(small, teacher=teacher, depth=20, store=store, execution=execution, embed=embed)
    assert sum(searched) == small.minable.sum()
    assert not list((tmp_path / "store").glob("retrieve/.*"))
    monkeypatch.undo()
    assert_same(found, small, teacher, execution.model_copy(update={"shard": 1000}), Store(tmp_path / "other"))


def test_candidates_are_read_once_while_their_file_stays_and_again_once_it_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, execution = tiny_teacher(tmp_path / "tiny")
    ask = partial(retrieve, collection(), teacher=teacher, depth=20, execution=execution, embed=embed)
    first, artifacts = ask(store=Store(tmp_path / "store"))
    assert ask(store=Store(tmp_path / "store"))[0] is first
    rmtree(artifacts[-1].path)
    best = Searcher.best

    def higher(self: Searcher, shard: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        found = best(self, shard)
        found["score"] += 1
        return found

    monkeypatch.setattr(Searcher, "best", higher)
    assert np.array_equal(ask(store=Store(tmp_path / "store"))[0].score, first.score + 1)


def assert_same(found: object, small: object, teacher: DenseTeacher, execution: Execution, store: Store) -> None:
    whole, _ = retrieve(small, teacher=teacher, depth=20, store=store, execution=execution, embed=embed)
    for field in ("document", "score", "positive_score", "positive_rank"):
        assert np.array_equal(getattr(found, field), getattr(whole, field))
