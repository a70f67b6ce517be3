"""Token ids of training equal those of evaluation; padding and equal texts reach the loss's mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from experiments.config import TinyStudent
from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT
from experiments.models.lengths import set_lengths
from experiments.models.student import build_student
from experiments.training.collator import RowCollator
from experiments.training.loss import InfoNCELoss
from experiments.training.rows import row_dataset, row_groups
from tests.helpers.toy import toy_collection, toy_execution, toy_negatives


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    student = TinyStudent(query_prompt="query: ", document_prompt="passage: ")
    return build_student(student, execution=toy_execution(tmp_path_factory.mktemp("model")))


def encoded_ids(model: SentenceTransformer, texts: list[str], *, query: bool) -> list[list[int]]:
    """The token ids that encode_query / encode_document really feed to the transformer, text by text."""
    seen: list[list[int]] = []

    def spy(_: object, inputs: tuple[dict[str, Tensor]]) -> None:
        seen.extend(unpadded(inputs[0]["input_ids"], inputs[0]["attention_mask"]))

    hook = model[0].register_forward_pre_hook(spy)
    for text in texts:
        (model.encode_query if query else model.encode_document)([text], show_progress_bar=False)
    hook.remove()
    return seen


def unpadded(ids: Tensor, mask: Tensor) -> list[list[int]]:
    return [row[keep.bool()].tolist() for row, keep in zip(ids, mask, strict=True)]


def test_training_reads_the_token_ids_of_evaluation(model: SentenceTransformer) -> None:
    set_lengths(model, query=9, document=14)
    rows = row_dataset(toy_collection(), toy_negatives(toy_collection()))
    batch = RowCollator(model)([rows[i] for i in (5, 0, 3)])
    queries = [rows[i]["query"] for i in (5, 0, 3)]
    documents = [text for i in (5, 0, 3) for text in rows[i]["documents"]]
    assert unpadded(batch["query_input_ids"], batch["query_attention_mask"]) == encoded_ids(model, queries, query=True)
    trained = unpadded(batch["document_input_ids"], batch["document_attention_mask"])
    assert trained == encoded_ids(model, documents, query=False)
    assert max(map(len, trained)) == 14
    assert batch["query_input_ids"].shape[1] == 9
    assert model.tokenizer.decode(trained[0]).startswith("[CLS] passage : ")
    assert batch["label"].tolist() == [5, 0, 3]


def test_a_length_beyond_the_model_is_one_clear_line(model: SentenceTransformer) -> None:
    with pytest.raises(UserError, match="passage_length=600: the model has 512 positions"):
        set_lengths(model, query=None, document=600)


def test_short_rows_and_documents_of_equal_text_are_masked(model: SentenceTransformer) -> None:
    collection = toy_collection()
    texts = list(collection.corpus.texts)
    texts[40] = texts[1].upper()
    collection = replace(collection, corpus=replace(collection.corpus, texts=tuple(texts)))
    negatives = toy_negatives(collection)
    document = np.full_like(negatives.document, 50)
    document[0] = [40, NO_DOCUMENT]
    negatives = replace(negatives, document=document)
    loss = InfoNCELoss(model, row_groups(collection, negatives), temperature=0.05, in_batch=True)
    batch = loss.batch(torch.tensor([0, 1]))
    masked = loss.masked(batch, torch.zeros(2, 6)) | batch.padding
    assert masked.tolist() == [[False, False, True, False, False, False], [False, True, True, False, False, False]]
    assert row_dataset(collection, negatives)[0]["documents"][2] == ""
