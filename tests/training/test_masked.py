"""What is recorded of a mask, against loops over rows, judgments and texts."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from experiments.ir import NO_DOCUMENT, Collection, Negatives, Qrels, normalise_text
from experiments.training.mask_log import MaskLog, read_log
from experiments.training.masked import mask_counts
from experiments.training.rows import row_groups
from tests.helpers.toy import toy_collection, toy_negatives

STEPS, SIZE, WIDTH = 5, 7, 3


def problem() -> tuple[Collection, Negatives]:
    """Two queries of one text, a copy of a hidden positive in other words' case, a short row."""
    collection = toy_collection(positives=3)
    train, corpus = collection.splits["train"], collection.corpus
    texts = list(corpus.texts)
    texts[50] = texts[7].upper()
    asked = (*train.queries.texts[:3], train.queries.texts[0].title(), *train.queries.texts[4:])
    split = replace(train, queries=replace(train.queries, texts=asked))
    collection = replace(
        collection, corpus=replace(corpus, texts=tuple(texts)), splits={**collection.splits, "train": split}
    )
    negatives = toy_negatives(collection)
    document = negatives.document.copy()
    document[:, 0] = [(i + 7) % 60 for i in range(24)]
    document[5, 0], document[9, 1] = 50, NO_DOCUMENT
    return collection, replace(negatives, document=document)


def judged(collection: Collection) -> set[tuple[str, str]]:
    train, passages = collection.splits["train"], collection.corpus.passages
    return {
        (normalise_text(train.queries.texts[q]), normalise_text(passages[d]))
        for q, d in zip(train.qrels.query, train.qrels.document, strict=True)
    }


def test_counts_are_those_of_loops_over_texts(tmp_path: Path) -> None:
    collection, negatives = problem()
    queries, passages = collection.splits["train"].queries.texts, collection.corpus.passages
    documents = np.concatenate([negatives.positive[:, None], negatives.document], axis=1)
    draw, log = np.random.default_rng(1), MaskLog()
    text = [normalise_text(queries[q]) for q in negatives.query]
    shown = {(text[i], normalise_text(passages[p])) for i, p in enumerate(negatives.positive)}
    relevant = judged(collection)
    expected = dict.fromkeys(("maskable", "masked", "masked_positive", "masked_known_false", "known_false"), 0)
    for _ in range(STEPS):
        rows = draw.permutation(24)[:SIZE]
        masked = draw.random((SIZE, SIZE, WIDTH)) < 0.6
        for i, j, k in product(range(SIZE), range(SIZE), range(WIDTH)):
            this = documents[rows[j], k]
            if this == NO_DOCUMENT or (j, k) == (i, 0):
                masked[i, j, k] = False
                continue
            pair = (text[rows[i]], normalise_text(passages[this]))
            false = pair in relevant - shown
            expected["maskable"] += 1
            expected["masked"] += int(masked[i, j, k])
            expected["masked_positive"] += int(masked[i, j, k] and pair in shown)
            expected["masked_known_false"] += int(masked[i, j, k] and false)
            expected["known_false"] += int(false)
        log.add(torch.as_tensor(rows), torch.as_tensor(masked.reshape(SIZE, -1)))
    log.save(tmp_path)
    assert mask_counts(tmp_path, collection, negatives, in_batch=True) == expected
    assert 0 < expected["masked_known_false"] < expected["known_false"]
    assert expected["masked_positive"] > 0


def test_other_judgments_give_other_counts_of_the_same_log(tmp_path: Path) -> None:
    collection, negatives = problem()
    log = MaskLog()
    log.add(torch.arange(6), torch.ones(6, WIDTH, dtype=torch.bool))
    log.save(tmp_path)
    train = collection.splits["train"]
    none = replace(collection, splits={"train": replace(train, qrels=Qrels.empty())})
    assert mask_counts(tmp_path, collection, negatives, in_batch=False)["known_false"] > 0
    assert mask_counts(tmp_path, none, negatives, in_batch=False)["known_false"] == 0


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    collection, negatives = problem()
    groups, log, draw = row_groups(collection, negatives), MaskLog(), torch.Generator().manual_seed(0)
    steps = [(torch.randperm(24, generator=draw)[:5], torch.rand(5, 15, generator=draw) < 0.3) for _ in range(4)]
    for rows, masked in steps:
        log.add(rows, masked)
    log.save(tmp_path)
    for (rows, masked), (batch, read) in zip(steps, read_log(tmp_path, groups, in_batch=True), strict=True):
        assert torch.equal(batch.rows, rows)
        assert np.array_equal(read, masked.numpy())


def test_a_student_from_before_the_log_has_no_counts(tmp_path: Path) -> None:
    assert mask_counts(tmp_path, *problem(), in_batch=True) == {}
