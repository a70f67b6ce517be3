"""The static model: a mean of token embeddings, cut by its tokens, trained and saved as any other student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from transformers import AutoTokenizer

from experiments.config import DenseTeacher, InfoNCE, ModelStudent
from experiments.errors import UserError
from experiments.evaluation.reading import cut_of, prompted_lengths
from experiments.models.encoder import load_encoder, weights_identity
from experiments.models.lengths import set_lengths
from experiments.models.saved import load_model, save_model
from experiments.models.weights import embedded_minilm
from experiments.stages.train import train
from experiments.store import Store
from tests.helpers.toy import toy_collection, toy_config, toy_execution, toy_negatives

STATIC = DenseTeacher(name="static", source="embedded_static")
STUDENT = ModelStudent(name="static", source="embedded_static")
TEXTS = ["Compute the (multiplicative) inverse of a matrix.", "one", 300 * "a long text of many words "]


def by_hand(text: str, length: int | None = None) -> np.ndarray:
    """The mean of the text's own token embeddings, unit length."""
    weights = load_file(embedded_minilm() / "model.safetensors")["embeddings.word_embeddings.weight"].numpy()
    tokenizer = AutoTokenizer.from_pretrained(embedded_minilm())
    ids = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"][:length]
    mean = weights[ids].astype(np.float64).mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_a_vector_is_the_mean_of_token_embeddings_of_the_whole_text(tmp_path: Path) -> None:
    model = load_encoder(STATIC, execution=toy_execution(tmp_path))
    assert len(AutoTokenizer.from_pretrained(embedded_minilm()).tokenize(TEXTS[2], verbose=False)) > 1000
    assert np.allclose(model.encode_document(TEXTS), [by_hand(text) for text in TEXTS], atol=1e-6)


def test_queries_and_passages_are_cut_apart_prompt_included(tmp_path: Path) -> None:
    prompted = STATIC.model_copy(update={"query_prompt": "query: ", "max_length": 7})
    model = load_encoder(prompted, execution=toy_execution(tmp_path))
    assert np.allclose(model.encode_query(TEXTS), [by_hand("query: " + text, 7) for text in TEXTS], atol=1e-6)
    set_lengths(model, query=3, document=5)
    assert np.allclose(model.encode_query(TEXTS), [by_hand("query: " + text, 3) for text in TEXTS], atol=1e-6)
    assert np.allclose(model.encode_document(TEXTS), [by_hand(text, 5) for text in TEXTS], atol=1e-6)
    cut = cut_of(model, prompted_lengths(model, TEXTS, "document"), "document")
    assert (cut.length, cut.cut, cut.texts) == (5, 2, 3)
    asked = prompted_lengths(model, TEXTS, "query")
    assert asked[1] == 3
    set_lengths(model, query=None, document=None)
    assert cut_of(model, asked, "query").length == 7
    model.max_seq_length = None
    assert cut_of(model, asked, "query").length is None


def test_an_empty_text_is_a_vector_of_zeros_wherever_it_stands(tmp_path: Path) -> None:
    model = load_encoder(STATIC, execution=toy_execution(tmp_path))
    vectors = model.encode_document(["", TEXTS[0], "", TEXTS[1], ""])
    assert not vectors[[0, 2, 4]].any()
    assert np.allclose(vectors[[1, 3]], [by_hand(text) for text in TEXTS[:2]], atol=1e-6)


def test_bf16_is_a_matter_of_its_weights(tmp_path: Path) -> None:
    execution = toy_execution(tmp_path)
    model = load_encoder(STATIC, execution=execution, precision="bf16")
    assert np.allclose(model.encode_document(TEXTS[:2]), [by_hand(text) for text in TEXTS[:2]], atol=5e-3)
    exact = load_encoder(STATIC, execution=execution)
    assert not np.allclose(model.encode_document(TEXTS[:2]), exact.encode_document(TEXTS[:2]), atol=1e-5)


def test_it_is_saved_as_the_library_saves_it_and_read_back(tmp_path: Path) -> None:
    execution = toy_execution(tmp_path)
    model = load_encoder(STATIC, execution=execution)
    save_model(model, tmp_path / "saved")
    library = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    assert type(library[0]) is StaticEmbedding
    assert np.array_equal(library.encode(TEXTS), model.encode_document(TEXTS))
    again = load_model(tmp_path / "saved", execution=execution, precision="fp32", attention="sdpa")
    set_lengths(again, query=3, document=5)
    assert np.allclose(again.encode_document(TEXTS), [by_hand(text, 5) for text in TEXTS], atol=1e-6)


def test_training_moves_it_and_what_is_saved_is_what_was_trained(tmp_path: Path) -> None:
    execution, collection = toy_execution(tmp_path), toy_collection()
    settings = InfoNCE(steps=20, batch_size=8, learning_rate=0.02, query_length=12, passage_length=16, dropout=0.0)
    folder, facts, _ = train(
        config=toy_config(student=STUDENT, train=settings),
        collection=collection,
        negatives=toy_negatives(collection),
        fitted=None,
        store=Store(execution.store),
        execution=execution,
        on_log=lambda step, values: None,
    )
    assert facts.final_loss < 0.7 * facts.loss[0][1]
    trained = load_file(folder / "model.safetensors")["embedding.weight"]
    before = load_file(embedded_minilm() / "model.safetensors")["embeddings.word_embeddings.weight"]
    tokenizer = AutoTokenizer.from_pretrained(embedded_minilm())
    seen = set(tokenizer(" ".join(collection.corpus.texts), verbose=False)["input_ids"])
    moved = set((trained != before).any(dim=1).nonzero().ravel().tolist())
    assert moved
    assert len(moved - seen) <= len(set(tokenizer("train")["input_ids"]))


def test_what_it_has_not_is_one_line(tmp_path: Path) -> None:
    execution = toy_execution(tmp_path)
    for change in ({"layers": (0,)}, {"pooling": "cls"}):
        with pytest.raises(UserError, match=r"which has no transformer|pools by itself"):
            load_encoder(STATIC.model_copy(update=change), execution=execution)
    with pytest.raises(UserError, match="dropout"):
        load_encoder(STATIC, execution=execution, dropout=0.1)
    with pytest.raises(ValidationError, match="neither layers nor attention"):
        ModelStudent(name="static", source="embedded_static", pool_prompt=False)
    for field in ("freeze_token_embeddings", "gradient_checkpointing"):
        settings = InfoNCE(batch_size=8, **{field: True})
        with pytest.raises(ValidationError, match=r"leaves nothing of student static|no layers whose memory"):
            toy_config(student=STUDENT, train=settings)


def test_its_vectors_are_not_those_of_the_model_it_is_cut_from(tmp_path: Path) -> None:
    execution = toy_execution(tmp_path)
    names = [
        weights_identity(DenseTeacher(name="x", source=source), execution=execution)
        for source in ("embedded", "embedded_static")
    ]
    assert names[0] != names[1]
