"""The loss against the library's, and its mask against a loop written from the definition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch import Tensor, nn

from experiments.ir import NO_DOCUMENT
from experiments.training.batch import RowGroups
from experiments.training.loss import InfoNCELoss

ROWS, DEPTH, WIDTH = 6, 4, 8


def distinct() -> RowGroups:
    return RowGroups(query=np.arange(ROWS), document=np.arange(ROWS * DEPTH).reshape(ROWS, DEPTH))


def vectors(*shape: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, WIDTH, generator=draw, dtype=torch.float64).requires_grad_()


def unit_vectors(*shape: int, seed: int = 0) -> Tensor:
    return nn.functional.normalize(vectors(*shape, seed=seed), dim=-1)


def make_loss(groups: RowGroups, *, in_batch: bool = True, temperature: float = 0.05) -> InfoNCELoss:
    return InfoNCELoss(nn.Identity(), groups, temperature=temperature, in_batch=in_batch)


@pytest.mark.parametrize("temperature", [0.02, 0.05, 1.0])
def test_value_and_gradient_equal_the_library_where_nothing_is_masked(temperature: float) -> None:
    ours, theirs = ((vectors(4), vectors(4, DEPTH, seed=1)) for _ in range(2))
    query, document = (nn.functional.normalize(leaf, dim=-1) for leaf in ours)
    loss = make_loss(distinct(), temperature=temperature).of_embeddings(query, document, torch.tensor([3, 0, 5, 1]))
    library = MultipleNegativesRankingLoss(nn.Identity(), scale=1 / temperature)
    columns = [theirs[0], *theirs[1].unbind(1)]
    expected = library.compute_loss_from_embeddings(columns, torch.zeros(4))
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, reference.grad)


def test_own_negatives_only_is_one_softmax_per_row() -> None:
    query, document = unit_vectors(3), unit_vectors(3, DEPTH, seed=1)
    loss = make_loss(distinct(), in_batch=False).of_embeddings(query, document, torch.arange(3))
    scores = (query[:, None] * document).sum(-1) / 0.05
    torch.testing.assert_close(loss, -torch.log_softmax(scores, dim=1)[:, 0].mean())


def test_a_masked_document_gets_no_gradient_and_no_weight() -> None:
    document_of = distinct().document
    document_of[1, 2] = document_of[0, 0]
    groups = RowGroups(query=np.arange(ROWS), document=document_of)
    query, document = unit_vectors(2), unit_vectors(2, DEPTH, seed=1)
    loss = make_loss(groups).of_embeddings(query, document, torch.tensor([0, 1]))
    scores = query @ document.flatten(0, 1).T / 0.05
    keep = [i for i in range(2 * DEPTH) if i != DEPTH + 2]
    first = -scores[0, 0] + torch.logsumexp(scores[0, keep], 0)
    second = -scores[1, DEPTH] + torch.logsumexp(scores[1], 0)
    torch.testing.assert_close(loss, (first + second) / 2)


@given(data=st.data(), in_batch=st.booleans())
def test_the_mask_is_the_definition(data: st.DataObject, in_batch: bool) -> None:
    rows, depth = data.draw(st.integers(2, 7)), data.draw(st.integers(1, 4))
    query = np.asarray(data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows)))
    number = st.integers(NO_DOCUMENT, 6)
    document = np.asarray(
        data.draw(st.lists(st.lists(number, min_size=depth, max_size=depth), min_size=rows, max_size=rows))
    )
    document[:, 0] = np.abs(document[:, 0])
    batch = data.draw(st.permutations(range(rows)))[: data.draw(st.integers(1, rows))]
    positives = {(q, d) for q, d in zip(query, document[:, 0], strict=True)}
    loss = make_loss(RowGroups(query, document), in_batch=in_batch)
    found = loss.batch(torch.tensor(batch))
    masked = loss.masked(found, torch.zeros(found.positive.shape)) | found.padding
    for i, j, k in product(range(len(batch)), range(len(batch)), range(depth)):
        if not in_batch and i != j:
            continue
        this = document[batch[j], k]
        expected = this == NO_DOCUMENT or ((query[batch[i]], this) in positives and (j, k) != (i, 0))
        assert bool(masked[i, j * depth + k if in_batch else k]) == expected
