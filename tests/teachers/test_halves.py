"""The search in bf16 against brute force in float64: ties, copies, blocks of any size, what it leaves open."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.teachers import halves, netted, search
from experiments.teachers.halves import Buffers, Halves, as_float, lowest_products
from experiments.teachers.netted import search_halves
from tests.teachers.test_search import brute_force, vectors


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(16, 400),
    asked=st.integers(1, 9),
    whole=st.booleans(),
    scale=st.sampled_from([1.0, 1e-9, 1e9, 3e-20]),
    most=st.integers(1, 300),
    chunk=st.integers(1, 5),
    data=st.data(),
)
def test_every_row_is_that_of_brute_force(
    seed: int, count: int, asked: int, whole: bool, scale: float, most: int, chunk: int, data: st.DataObject
) -> None:
    """Whole numbers have many equal scores; others have products that bf16 cannot tell apart."""
    k = data.draw(st.integers(1, count // 16))
    draw = np.random.default_rng(seed)
    shape = (asked + count, data.draw(st.integers(1, 20)))
    values = (
        draw.integers(-2, 3, size=shape) if whole else draw.normal(size=shape) * draw.choice([1.0, 1e-3], size=shape)
    )
    values = (values * scale).astype(np.float32)
    queries, documents = values[:asked], values[asked:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halves, "MOST", most)
        patch.setattr(halves, "COMPARED", most)
        patch.setattr(netted, "QUERIES", chunk)
        document, score, is_open = search_halves(queries, documents, k)
    expected, expected_score = brute_force(queries, documents, k)
    assert np.array_equal(score[~is_open], expected_score[~is_open])
    assert np.array_equal(document[~is_open], expected[~is_open])


@pytest.mark.parametrize("most", [halves.MOST, 512])
def test_ordinary_vectors_leave_no_query_open(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one block of documents and in several."""
    monkeypatch.setattr(halves, "MOST", most)
    queries, documents = vectors(1, 1500, 64), vectors(2, 5000, 64)
    document, score, is_open = search_halves(queries, documents, 40)
    assert not is_open.any()
    expected, expected_score = brute_force(queries[::100], documents, 40)
    assert np.array_equal(document[::100], expected)
    assert np.array_equal(score[::100], expected_score)


def test_what_all_documents_have_in_common_costs_nothing() -> None:
    """As in a model whose vectors lie in a narrow cone: bf16 could hardly tell these scores apart."""
    queries, documents = vectors(1, 300, 64) + 1, 0.05 * vectors(2, 5000, 64) + 1
    document, score, is_open = search_halves(queries, documents, 40)
    assert not is_open.any()
    expected, expected_score = brute_force(queries, documents, 40)
    assert np.array_equal(document, expected)
    assert np.array_equal(score, expected_score)


@pytest.mark.parametrize("copies", [1, 6, 2000])
def test_what_is_left_open_gets_the_wider_net(copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some queries are zero, alike to every document, and 2,000 copies of one passage are more than a row may hold."""
    monkeypatch.setattr(search, "has_bf16_units", lambda _: True)
    rest = vectors(4, 6000, 32)
    documents = np.random.default_rng(0).permutation(np.concatenate([np.repeat(rest[:3], copies, axis=0), rest]))
    queries = np.concatenate([vectors(3, 300, 32), rest[:3] + 0.01 * vectors(5, 3, 32)])
    queries[:40] = 0
    left = search_halves(queries, documents, 50)[2]
    assert left[:40].all()
    assert copies < 2000 or left[-3:].any()
    assert not left[40:-3].all()
    document, score = search.search_inner_product(queries, documents, 50, device="cpu")
    expected, expected_score = brute_force(queries, documents, 50)
    assert np.array_equal(score, expected_score)
    assert np.array_equal(document, expected)


def test_vectors_beyond_measure_are_left_open() -> None:
    queries, documents = 1e20 * vectors(1, 5), vectors(2, 300)
    assert search_halves(queries, documents, 3)[2].all()


@pytest.mark.parametrize("width", [8, 384, 1024])
def test_products_in_bf16_lie_within_their_error(width: int) -> None:
    queries, documents = 7 * vectors(6, 50, width), 0.3 * vectors(7, 700, width)
    whole = Halves.of(documents, k=5)
    exact = torch.from_numpy(queries)
    error = whole._errors(exact, exact.bfloat16())
    product = exact.bfloat16().double() @ whole.values[:700].double().T
    shifted = documents.astype(np.float64) - documents.mean(axis=0, dtype=np.float32)
    off = np.abs(product.numpy() - queries.astype(np.float64) @ shifted.T)
    assert (off.max(axis=1) < error).all()
    assert (error < 0.01 * 7 * 0.3).all()


@settings(max_examples=200, deadline=None)
@given(score=st.floats(1e-3, 1e3), error=st.floats(0, 0.1))
def test_the_lowest_product_lets_through_what_can_be_among_the_best(score: float, error: float) -> None:
    """A document that scores `score` lies at its lowest, the k-th at its highest, and bf16 rounds both."""
    kth = torch.tensor([score + error]).bfloat16()
    worst = torch.tensor([np.float32(score - error)]).bfloat16()
    bits = lowest_products(kth.view(torch.int16).numpy(), np.array([error * 1.0001 + 1e-6 * score]))
    assert bits[0] == halves.NONE or as_float(bits)[0] <= worst.float()[0]


def test_buffers_are_shared_by_threads() -> None:
    alone, four = (Buffers.of(queries=1024, k=9, documents=10**7, threads=threads) for threads in (1, 16))
    assert alone.documents == halves.MOST
    assert 16 * len(four.products) <= halves.HELD
