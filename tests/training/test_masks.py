"""In-batch masks and hardness weights: against the library that defines them, and against loops over the definition."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CachedGISTEmbedLoss, MultipleNegativesRankingLoss
from torch import Tensor, nn

from experiments.config import DenseTeacher, GuideMask, InfoNCE, NoMask, SelfMask
from experiments.ir import NO_DOCUMENT
from experiments.models.student import build_student
from experiments.training.batch import Batch, RowGroups
from experiments.training.guide import Guide
from experiments.training.loss import InfoNCELoss
from experiments.training.masks import AboveGuide, AboveSelf, Mask, NothingMasked
from experiments.training.pairs import PairSet
from tests.helpers.toy import toy_config, toy_execution

ROWS, WIDTH, DIMENSIONS, TEMPERATURE = 6, 4, 8, 0.05
TEACHER = DenseTeacher(name="guide")
BATCH = torch.tensor([3, 0, 5, 1])


def unit(*shape: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return nn.functional.normalize(torch.randn(*shape, DIMENSIONS, generator=draw), dim=-1)


def distinct() -> RowGroups:
    return RowGroups(query=np.arange(ROWS), document=np.arange(ROWS * WIDTH).reshape(ROWS, WIDTH))


def guide_of(seed: int = 7) -> tuple[Guide, Any, Any]:
    """A guide of random unit vectors that lie in another order than the rows, and where each row's texts stand."""
    draw = np.random.default_rng(seed)
    query, document = draw.permutation(ROWS), draw.permutation(ROWS * WIDTH).reshape(ROWS, WIDTH)
    vectors = unit(ROWS, seed=seed).numpy(), unit(ROWS * WIDTH, seed=seed + 1).numpy()
    return Guide(*vectors, keys=("q", "d")), query.astype(np.int32), document.astype(np.int32)


def guide_mask(**options: Any) -> AboveGuide:
    guide, query, document = guide_of()
    return AboveGuide(GuideMask(teacher=TEACHER, **options), guide, query=query, document=document)


def make_loss(mask: Mask | None, groups: RowGroups | None = None, **options: Any) -> InfoNCELoss:
    values = {"temperature": TEMPERATURE, "in_batch": True, **options}
    return InfoNCELoss(nn.Identity(), groups or distinct(), mask=mask, **values)


def leaves() -> tuple[Tensor, Tensor]:
    return unit(len(BATCH), seed=1).requires_grad_(), unit(len(BATCH), WIDTH, seed=2).requires_grad_()


def normalised(vectors: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The library normalises what it is given, which its gradient shows."""
    query, document = (nn.functional.normalize(leaf, dim=-1) for leaf in vectors)
    return query, document


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    return build_student(toy_config().student, execution=toy_execution(tmp_path_factory.mktemp("model")))


@pytest.mark.parametrize(("strategy", "margin"), [("absolute", 0.0), ("absolute", 0.3), ("relative", 0.2)])
def test_the_guide_mask_is_the_librarys_in_value_and_gradient(
    model: SentenceTransformer, strategy: Any, margin: float
) -> None:
    mask = guide_mask(strategy=strategy, margin=margin, scope="all")
    query, document = leaves()
    loss = make_loss(mask).of_embeddings(*normalised((query, document)), BATCH)
    loss.backward()
    library = CachedGISTEmbedLoss(
        model,
        model,
        temperature=TEMPERATURE,
        margin_strategy=strategy,
        margin=margin,
        contrast_anchors=False,
        contrast_positives=False,
    )
    theirs = leaves()
    guide, of_query, of_document = guide_of()
    columns = torch.as_tensor(guide.document[of_document[BATCH]]).unbind(1)
    expected = library.calculate_loss(
        [[theirs[0]], *([column] for column in theirs[1].unbind(1))],
        [[torch.as_tensor(guide.query[of_query[BATCH]])], *([column] for column in columns)],
    )
    expected.backward()
    unmasked = make_loss(NothingMasked()).of_embeddings(query.detach(), document.detach(), BATCH)
    assert not torch.isclose(loss, unmasked)
    torch.testing.assert_close(loss, expected)
    for mine, reference in zip((query, document), theirs, strict=True):
        torch.testing.assert_close(mine.grad, reference.grad)


@pytest.mark.parametrize("in_batch", [True, False])
@pytest.mark.parametrize("scope", ["in_batch", "all"])
@pytest.mark.parametrize("strategy", ["absolute", "relative"])
def test_the_guide_mask_is_the_definition(in_batch: bool, scope: Any, strategy: str) -> None:
    margin = 0.25
    loss = make_loss(guide_mask(strategy=strategy, margin=margin, scope=scope), in_batch=in_batch)
    guide, of_query, of_document = guide_of()
    masked = loss.masked(loss.batch(BATCH), torch.zeros(loss.batch(BATCH).positive.shape))
    for i, j, k in product(range(len(BATCH)), range(len(BATCH)), range(WIDTH)):
        if not in_batch and i != j:
            continue
        query = guide.query[of_query[BATCH[i]]]
        score, positive = (float(query @ guide.document[of_document[BATCH[a], b]]) for a, b in ((j, k), (i, 0)))
        bar = positive - (margin if strategy == "absolute" else abs(positive) * margin)
        expected = score > bar and (j, k) != (i, 0) and (scope == "all" or i != j)
        assert bool(masked[i, j * WIDTH + k if in_batch else k]) == expected
    assert masked.any() == (in_batch or scope == "all")


@pytest.mark.parametrize("scope", ["in_batch", "all"])
def test_the_self_mask_is_the_definition_and_passes_no_gradient(scope: Any) -> None:
    loss = make_loss(AboveSelf(SelfMask(scope=scope)))
    query, document = leaves()
    value = loss.of_embeddings(query, document, BATCH)
    logits = []
    masked = 0
    for i in range(len(BATCH)):
        positive = query[i] @ document[i, 0]
        terms = []
        for j, k in product(range(len(BATCH)), range(WIDTH)):
            score = query[i] @ document[j, k]
            out = score > positive + 0.1 and (scope == "all" or i != j)
            masked += int(out)
            terms += [] if out else [score / TEMPERATURE]
        logits.append(torch.logsumexp(torch.stack(terms), 0) - positive / TEMPERATURE)
    expected = torch.stack(logits).mean()
    torch.testing.assert_close(value, expected)
    mine = torch.autograd.grad(value, (query, document))
    theirs = torch.autograd.grad(expected, (query, document))
    assert masked > 0
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("scope", "mode"),
    [("hard", "hard_negatives"), ("in_batch", "in_batch_negatives"), ("all", "all_negatives")],
)
def test_hardness_is_the_librarys_in_value_and_gradient(scope: Any, mode: Any) -> None:
    query, document = leaves()
    weighted = make_loss(NothingMasked(), hardness=5.0, hardness_scope=scope)
    loss = weighted.of_embeddings(*normalised((query, document)), BATCH)
    library = MultipleNegativesRankingLoss(
        nn.Identity(), scale=1 / TEMPERATURE, hardness_mode=mode, hardness_strength=5.0
    )
    theirs = leaves()
    expected = library.compute_loss_from_embeddings([theirs[0], *theirs[1].unbind(1)], torch.zeros(len(BATCH)))
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    for mine, reference in zip((query, document), theirs, strict=True):
        torch.testing.assert_close(mine.grad, reference.grad)


def test_own_negatives_only_weighs_them_all_the_same_under_hard_and_all() -> None:
    values = [
        make_loss(NothingMasked(), in_batch=False, hardness=3.0, hardness_scope=scope).of_embeddings(*leaves(), BATCH)
        for scope in ("hard", "all")
    ]
    assert values[0] == values[1]


def test_padding_is_masked_whatever_the_mask_and_is_not_logged() -> None:
    groups = distinct()
    groups.document[0, 3] = NO_DOCUMENT
    loss = make_loss(NothingMasked(), groups)
    query, document = leaves()
    loss.of_embeddings(query, document, BATCH).backward()
    assert document.grad is not None
    assert not document.grad[1, 3].any()
    assert document.grad[1, :3].abs().sum(dim=-1).all()
    assert not loss.masked(loss.batch(BATCH), torch.zeros(4, 16)).any()


@settings(deadline=None)
@given(data=st.data())
def test_a_pair_set_tells_what_a_search_tells_batch_after_batch(data: st.DataObject) -> None:
    """The present lookup against `torch.isin` over pair ids, on one set, since a batch must leave nothing behind."""
    number, queries = st.integers(NO_DOCUMENT, 9), 4
    pairs = data.draw(st.lists(st.tuples(st.integers(0, queries - 1), st.integers(0, 7)), max_size=12))
    known = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    found = PairSet(known[:, 0], known[:, 1], queries=queries)
    for _ in range(3):
        rows, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
        query = torch.tensor(data.draw(st.lists(st.integers(0, queries - 1), min_size=rows, max_size=rows)))
        flat = data.draw(st.lists(number, min_size=rows * width, max_size=rows * width))
        document = torch.tensor(flat).view(rows, width)
        expected = torch.isin(
            query[:, None] * 100 + document.flatten(), torch.as_tensor(known[:, 0] * 100 + known[:, 1])
        )
        expected &= document.flatten() != NO_DOCUMENT
        batch = Batch(rows=torch.arange(rows), query=query, document=document, in_batch=True)
        assert torch.equal(found.among(batch), expected)
        own = Batch(rows=torch.arange(rows), query=query, document=document, in_batch=False)
        assert torch.equal(found.among(own), expected.view(rows, rows, width)[range(rows), range(rows)])


def test_what_would_do_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="bm25 has no vectors"):
        GuideMask.model_validate({"teacher": {"kind": "bm25", "k1": 1.5}})
    with pytest.raises(ValidationError, match="hardness_scope=hard changes nothing with hardness=0"):
        InfoNCE(hardness_scope="hard")
    with pytest.raises(ValidationError, match="weighs nothing with in_batch=false"):
        InfoNCE(in_batch=False, hardness=1.0, hardness_scope="in_batch")
    with pytest.raises(ValidationError, match="masks nothing with in_batch=false"):
        InfoNCE(in_batch=False, mask=SelfMask())


def test_neutral_settings_are_no_part_of_the_name() -> None:
    plain = toy_config(train=InfoNCE())
    assert toy_config(train=InfoNCE.model_validate({"mask": {"kind": "known_positives"}})).run_id == plain.run_id
    changed = [
        InfoNCE(mask=NoMask()),
        InfoNCE(mask=SelfMask()),
        InfoNCE(mask=SelfMask(margin=0.2)),
        InfoNCE(mask=GuideMask(teacher=TEACHER)),
        InfoNCE(hardness=5.0),
        InfoNCE(hardness=5.0, hardness_scope="hard"),
    ]
    assert len({plain.run_id, *(toy_config(train=one).run_id for one in changed)}) == 1 + len(changed)
