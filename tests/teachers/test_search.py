"""Search against brute force: ties, copies and the two back ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.models.encoding import unit
from experiments.teachers import blocks, order, rescore, search
from experiments.teachers.blocks import Room, propose_blocks, score_grid_on
from experiments.teachers.pairs import CHUNK_NUMBERS, rounding, score_pairs


def brute_force(queries: np.ndarray, documents: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = (queries.astype(np.float64) @ documents.astype(np.float64).T).astype(np.float32)
    order = np.array([sorted(range(len(documents)), key=lambda d: (-row[d], d))[:k] for row in scores], dtype=np.int64)
    return order, np.take_along_axis(scores, order, axis=1)


def vectors(seed: int, count: int, dimension: int = 8) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 5), width=st.integers(1, 40), data=st.data())
def test_top_k_is_a_stable_sort(seed: int, rows: int, width: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, width))
    scores = np.random.default_rng(seed).integers(-2, 3, size=(rows, width)).astype(np.float32)
    assert np.array_equal(order.top_k(scores, k), np.argsort(-scores, axis=1, kind="stable")[:, :k])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    values=st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=6),
    more=st.sampled_from([(0.0, np.inf, -np.inf), (1e-40, -1e-40), (0.0, -0.0), (np.nan,)]),
)
def test_rows_stand_in_order_of_score_then_document(seed: int, values: list[float], more: tuple[float, ...]) -> None:
    """The bits of scores and documents are kept: infinities, the zero below zero and NaN too."""
    draw = np.random.default_rng(seed)
    score = draw.choice(np.array([*values, *more], dtype=np.float32), size=(3, 20))
    document = draw.integers(0, 2**31 - 1, size=score.shape).astype(np.int32)
    places = np.lexsort((document, -score), axis=1)
    for values_of, found in zip((document, score), order.order_rows(document, score), strict=True):
        assert np.array_equal(np.take_along_axis(values_of, places, axis=1).view(np.int32), found.view(np.int32))


@pytest.mark.parametrize("device", ["cpu", "fallback"])
@pytest.mark.parametrize("copies", [1, 3, 300])
def test_inner_product_equals_brute_force(device: str, copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 copies of each document: far more than the slack, so the boundary is a tie in every row."""
    if device == "fallback":
        monkeypatch.setattr(search.importlib.util, "find_spec", lambda name: None)
    documents = np.random.default_rng(1).permutation(np.tile(vectors(2, 900 // copies), (copies, 1)))
    queries = vectors(3, 20)
    document, score = search.search_inner_product(queries, documents, 50, device="cpu")
    expected, expected_score = brute_force(queries, documents, 50)
    assert np.array_equal(document, expected)
    assert np.array_equal(score, expected_score)


def test_fewer_documents_than_slack_and_k_of_all() -> None:
    queries, documents = vectors(4, 3), vectors(5, 10)
    for k in (1, 10):
        assert np.array_equal(
            search.search_inner_product(queries, documents, k, device="cpu")[0], brute_force(queries, documents, k)[0]
        )


def test_faiss_and_torch_propose_the_same_documents() -> None:
    pytest.importorskip("faiss")
    queries, documents = vectors(6, 30, 64), vectors(7, 500, 64)
    of_faiss, scores_faiss = search.propose_faiss(queries, documents, 40)
    of_torch, scores_torch = search.propose_blocks(queries, documents, 40, device="cpu")
    assert np.array_equal(np.sort(of_faiss), np.sort(of_torch))
    assert np.allclose(np.sort(scores_faiss), np.sort(scores_torch), atol=1e-6)


def test_the_rounding_bound_covers_the_library() -> None:
    queries, documents = 30 * vectors(8, 40, 384), 0.1 * vectors(9, 400, 384)
    exact = queries.astype(np.float64) @ documents.astype(np.float64).T
    assert np.abs(queries @ documents.T - exact).max() < rounding(queries, documents)


def test_a_pair_has_one_score_however_it_is_batched() -> None:
    queries, documents = vectors(10, 7, 384), vectors(11, 50, 384)
    documents[40] = documents[13]
    query, document = (
        grid.ravel().astype(np.int32) for grid in np.meshgrid(np.arange(7), np.arange(50), indexing="ij")
    )
    together = score_pairs(queries, documents, query, document)
    alone = [score_pairs(queries, documents, query[[i]], document[[i]])[0] for i in range(len(query))]
    assert np.array_equal(together, np.array(alone, dtype=np.float32))
    assert np.array_equal(together.reshape(7, 50)[:, 40], together.reshape(7, 50)[:, 13])


@pytest.mark.parametrize("widened", [0, rescore.WIDENED])
def test_a_sampled_product_has_the_scores_of_its_pairs(widened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus held in float64 or gathered a few vectors at a time."""
    monkeypatch.setattr(rescore, "WIDENED", widened)
    monkeypatch.setattr(rescore, "GATHERED", 384 * 7)
    queries, documents = vectors(16, 23, 384), vectors(17, 90, 384)
    documents[60] = documents[7]
    document = np.sort(np.random.default_rng(0).integers(0, 90, size=700))
    query = np.random.default_rng(1).integers(0, 18, size=700)
    expected = score_pairs(queries, documents, (query + 5).astype(np.int32), document.astype(np.int32))
    bound = rounding(queries, documents)
    assert np.array_equal(rescore.Rescorer.of(queries, documents, rounding=bound).scores(5, query, document), expected)
    wide = rescore.Rescorer.of(queries, documents, rounding=2.0**29)
    assert np.array_equal(wide.scores(5, query, document), expected)


def test_pairs_beyond_one_chunk() -> None:
    queries, documents = vectors(12, 2, 4), vectors(13, 3, 4)
    count = CHUNK_NUMBERS // 4 + 5
    query, document = np.arange(count, dtype=np.int32) % 2, np.arange(count, dtype=np.int32) % 3
    table = score_pairs(queries, documents, np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)).reshape(2, 3)
    assert np.array_equal(score_pairs(queries, documents, query, document), table[query, document])


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 60),
    queries=st.integers(1, 6),
    room=st.builds(
        Room, block=st.integers(1, 200), scores=st.integers(1, 60), pairs=st.integers(1, 90), rows=st.integers(1, 4)
    ),
    data=st.data(),
)
def test_blocks_of_any_size_give_what_brute_force_gives(
    seed: int, count: int, queries: int, room: Room, data: st.DataObject
) -> None:
    """Whole numbers, so that many scores are equal and the merge has ties to keep apart."""
    draw = np.random.default_rng(seed)
    asked = draw.integers(-1, 2, size=(queries, 4)).astype(np.float32)
    documents = draw.integers(-1, 2, size=(count, 4)).astype(np.float32)
    k = data.draw(st.integers(1, count))
    document, proposed = propose_blocks(asked, documents, k, device="cpu", room=room)
    _, expected = brute_force(asked, documents, k)
    assert all(len(set(row)) == k for row in document.tolist())
    scores = score_grid_on(asked, documents, document, device="cpu", rounding=0.0, room=room)
    assert np.array_equal(scores, (asked @ documents.T)[np.arange(queries)[:, None], document])
    assert np.array_equal(-np.sort(-scores, axis=1), expected)
    assert np.array_equal(proposed, scores)


@pytest.mark.parametrize("copies", [1, 3, 300])
def test_the_search_on_a_device_gives_the_very_numbers_of_the_cpu(copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a GPU, walked on the CPU in small blocks ("cpu:0" is torch's, not ours)."""
    monkeypatch.setattr(blocks, "room_on", lambda _: Room(block=97 * 64, scores=97 * 7, pairs=64 * 111, rows=5))
    documents = np.random.default_rng(1).permutation(np.tile(vectors(2, 900 // copies, 64), (copies, 1)))
    queries = vectors(3, 20, 64)
    here = search.search_inner_product(queries, documents, 50, device="cpu")
    there = search.search_inner_product(queries, documents, 50, device="cpu:0")
    assert np.array_equal(here[0], there[0])
    assert np.array_equal(here[1], there[1])


def test_sums_near_the_middle_of_two_floats_are_taken_anew() -> None:
    """With a bound as wide as all numbers every pair is open, and each gets the score of the one order."""
    queries, documents = vectors(14, 9, 384), vectors(15, 70, 384)
    document = np.argsort(np.random.default_rng(0).random((9, 70)), axis=1)[:, :30].astype(np.int32)
    expected = score_pairs(queries, documents, np.repeat(np.arange(9, dtype=np.int32), 30), document.ravel())
    for bound in (1.0, 385 * 2.0**-52):
        found = score_grid_on(queries, documents, document, device="cpu", rounding=bound)
        assert np.array_equal(found, expected.reshape(9, 30))
