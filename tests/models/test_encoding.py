"""Batches of similar token length: every text once, the library's own vectors, and no number that is not finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import BoW, StaticEmbedding
from transformers import AutoTokenizer

from experiments.config import DenseTeacher, TinyStudent
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.models.encoding import TOKENIZED_AT_ONCE, encode_batches, token_lengths
from experiments.models.student import build_student
from experiments.models.weights import embedded_minilm
from experiments.stages.embed import embed
from experiments.store import Store

EXECUTION = Execution(device="cpu", progress=False)
TEACHER = DenseTeacher(name="minilm_l6", source="embedded", pooling="mean", max_length=256)
TEXTS = [
    *(f"{'very ' * (i % 9)}long text number {i}" for i in range(40)),
    "x_{i,j} = \\sum_k (a_{ik} * b_{kj})",  # 36 characters of many tokens
    "internationalisation of telecommunications",  # 42 characters of few
    "",
]


@pytest.fixture(scope="module")
def tiny() -> SentenceTransformer:
    return build_student(TinyStudent(query_prompt="query: "), execution=EXECUTION)


def test_lengths_are_those_of_the_tokenizer_text_by_text(tiny: SentenceTransformer) -> None:
    tokenizer = AutoTokenizer.from_pretrained(embedded_minilm())
    texts = TEXTS * (TOKENIZED_AT_ONCE // len(TEXTS) + 1)
    expected = [len(tokenizer(text)["input_ids"]) for text in texts]
    assert token_lengths(tiny, texts).tolist() == expected
    assert expected[40] > 2 * expected[41]  # by characters they would stand the other way round


def test_a_static_model_is_sorted_by_its_tokens_without_special_ones() -> None:
    tokenizer = AutoTokenizer.from_pretrained(embedded_minilm())
    texts = TEXTS * (TOKENIZED_AT_ONCE // len(TEXTS) + 1)
    expected = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    assert token_lengths(model, texts).tolist() == expected


def test_a_model_without_a_tokenizer_that_can_be_asked_is_sorted_by_characters() -> None:
    model = SentenceTransformer(modules=[BoW(vocab=["long", "text"])], device="cpu")
    assert token_lengths(model, TEXTS).tolist() == [len(text) for text in TEXTS]


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_every_text_once_and_longest_first(tiny: SentenceTransformer, batch_size: int) -> None:
    seen: list[tuple[int, ...]] = []
    words = tiny[0].auto_model.embeddings.word_embeddings
    hook = words.register_forward_pre_hook(lambda _module, args: seen.append(tuple(args[0].shape)))
    try:
        parts = list(encode_batches(tiny, TEXTS, role="query", batch_size=batch_size, name="tiny"))
    finally:
        hook.remove()
    positions = np.concatenate([at for at, _ in parts])
    assert sorted(positions.tolist()) == list(range(len(TEXTS)))
    assert (np.diff(token_lengths(tiny, TEXTS)[positions]) <= 0).all()
    assert [len(at) for at, _ in parts] == [rows for rows, _ in seen]
    prompt = 2  # tokens of "query: "
    assert [width for _, width in seen] == [token_lengths(tiny, TEXTS)[at].max() + prompt for at, _ in parts]
    vectors = np.empty((len(TEXTS), 128), dtype=np.float32)
    for at, part in parts:
        vectors[at] = part
    alone = np.stack([tiny.encode_query(text, show_progress_bar=False) for text in TEXTS])
    assert np.allclose(vectors, alone, atol=1e-5)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_vector_that_is_not_finite_is_refused_by_name_of_text_role_and_model(number: float) -> None:
    model = build_student(TinyStudent(), execution=EXECUTION)
    token = model.tokenizer.convert_tokens_to_ids("telecommunications")
    with torch.no_grad():
        model[0].auto_model.embeddings.word_embeddings.weight[token] = number
    with pytest.raises(UserError) as caught:
        list(encode_batches(model, TEXTS, role="document", batch_size=8, name="my-teacher"))
    for part in ("my-teacher", "document 'internationalisation of telecom", "NaN or infinite", "1 of 3"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bf16_vectors_depend_on_the_teachers_batch_and_not_on_the_machines(tmp_path: Path) -> None:
    def vectors(encoder: DenseTeacher, asked: int) -> tuple[bytes, str]:
        execution = EXECUTION.model_copy(update={"inference_batch_size": asked})
        store = Store(tmp_path / f"{encoder.precision}{encoder.encode_batch}-{asked}")
        found, artifact = embed(TEXTS, encoder=encoder, role="document", store=store, execution=execution)
        return found.tobytes(), artifact.key

    half = TEACHER.model_copy(update={"precision": "bf16"})
    small = half.model_copy(update={"encode_batch": 4})
    assert vectors(half, 4) == vectors(half, 32)
    assert vectors(small, 32)[0] != vectors(half, 32)[0]
    assert len({vectors(encoder, 32)[1] for encoder in (TEACHER, half, small)}) == 3
    assert vectors(TEACHER, 4)[1] == vectors(TEACHER, 32)[1]


def test_a_batch_that_changes_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="encode_batch=8 changes nothing with precision=fp32"):
        DenseTeacher(name="m", encode_batch=8)
    assert DenseTeacher(name="m", precision="bf16", encode_batch=8).encode_batch == 8
