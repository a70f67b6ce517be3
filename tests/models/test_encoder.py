"""What a loaded encoder is: its layers, pooling, prompts, lengths, dropout and attention."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from experiments.config import Encoder, ModelStudent, TinyStudent
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.models.encoder import load_encoder
from experiments.models.student import build_student, student_key
from experiments.models.weights import embedded_minilm, folder_revision

EXECUTION = Execution(device="cpu")
MINILM = Encoder(name="minilm_l6", source="embedded")
E5 = {"query_prompt": "query: ", "document_prompt": "passage: ", "pooling": "mean", "max_length": 64}
TEXT = "Compute the (multiplicative) inverse of a matrix."


@pytest.fixture(scope="module")
def e5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of E5-small's shape, saved as its authors save theirs: transformers' files only."""
    folder = tmp_path_factory.mktemp("models") / "my-e5"
    torch.manual_seed(0)
    config = BertConfig(hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536)
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedded_minilm()).save_pretrained(folder)
    return folder


def by_hand(folder: Path, text: str, length: int) -> np.ndarray:
    """E5's own recipe: prompt in front, mean over the tokens, unit length."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    tokens = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**tokens).last_hidden_state[0]
    mean = hidden.mean(dim=0)
    return (mean / mean.norm()).numpy()


def tokens_seen(model: SentenceTransformer, encode: str) -> str:
    seen: list[list[int]] = []
    words = model[0].auto_model.embeddings.word_embeddings
    hook = words.register_forward_pre_hook(lambda _module, args: seen.append(args[0][0].tolist()))
    getattr(model, encode)([TEXT])
    hook.remove()
    return str(model.tokenizer.decode(seen[0], skip_special_tokens=True))


def test_e5_from_a_local_folder(e5_folder: Path) -> None:
    here = EXECUTION.model_copy(update={"model_paths": {"my-e5": e5_folder}})
    encoder = Encoder(name="my-e5", source="folder", revision=folder_revision(e5_folder), **E5)
    model = load_encoder(encoder, execution=here)
    assert len(model[0].auto_model.encoder.layer) == 12
    assert tokens_seen(model, "encode_query").startswith("query : compute the")
    assert tokens_seen(model, "encode_document").startswith("passage : compute the")
    for text in (TEXT, 40 * TEXT):
        assert np.allclose(model.encode_query(text), by_hand(e5_folder, "query: " + text, 64), atol=1e-5)
        assert np.allclose(model.encode_document(text), by_hand(e5_folder, "passage: " + text, 64), atol=1e-5)
    cls = load_encoder(encoder.model_copy(update={"pooling": "cls"}), execution=here)
    assert cls[1].pooling_mode == "cls"
    assert not np.allclose(cls.encode_query(TEXT), model.encode_query(TEXT), atol=1e-3)


def test_minilm_is_what_its_own_files_make_of_it() -> None:
    load_encoder(MINILM, execution=EXECUTION)
    started = time.perf_counter()
    ours = load_encoder(MINILM, execution=EXECUTION)
    assert time.perf_counter() - started < 1
    library = SentenceTransformer(str(embedded_minilm()), device="cpu")
    assert ours.max_seq_length == library.max_seq_length
    assert np.allclose(ours.encode([TEXT, 60 * TEXT]), library.encode([TEXT, 60 * TEXT]), atol=1e-6)


def test_layers_are_cut_and_survive_a_save(tmp_path: Path) -> None:
    cut = load_encoder(MINILM.model_copy(update={"layers": (0, 2, 5)}), execution=EXECUTION)
    whole = load_encoder(MINILM, execution=EXECUTION)
    for kept, original in enumerate((0, 2, 5)):
        theirs = whole[0].auto_model.encoder.layer[original].state_dict()
        for name, weight in cut[0].auto_model.encoder.layer[kept].state_dict().items():
            assert torch.equal(weight, theirs[name])
    cut.save_pretrained(str(tmp_path / "saved"))
    again = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    assert len(again[0].auto_model.encoder.layer) == 3
    assert np.allclose(again.encode(TEXT), cut.encode(TEXT), atol=1e-6)


def test_dropout_and_attention_replace_what_the_files_say() -> None:
    model = load_encoder(MINILM, execution=EXECUTION, dropout=0.25, attention="eager")
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} == {0.25}
    assert model[0].auto_model.config._attn_implementation == "eager"
    assert not model.training
    model.train()
    still = load_encoder(MINILM, execution=EXECUTION, dropout=0.0).train()
    for trained, same in ((model, False), (still, True)):
        first, second = (trained(trained.preprocess([TEXT]))["sentence_embedding"] for _ in range(2))
        assert torch.equal(first, second) == same


def test_unit_vectors_are_the_configs_choice() -> None:
    assert np.isclose(np.linalg.norm(load_encoder(MINILM, execution=EXECUTION).encode(TEXT)), 1.0, atol=1e-5)
    raw = load_encoder(MINILM.model_copy(update={"normalize": False}), execution=EXECUTION)
    assert not np.isclose(np.linalg.norm(raw.encode(TEXT)), 1.0, atol=1e-2)


@pytest.mark.skipif(importlib.util.find_spec("flash_attn") is not None, reason="flash attention is installed")
def test_an_attention_that_is_not_installed_is_one_line() -> None:
    with pytest.raises(UserError, match=r"needs what is not installed here \(FlashAttention2"):
        load_encoder(MINILM, execution=EXECUTION, attention="flash_attention_2")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"layers": (0, 6)}, "layers 0 to 5"), ({"layers": ()}, "layers"), ({"max_length": 513}, "512 positions")],
)
def test_what_the_model_has_not_is_one_line(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_encoder(MINILM.model_copy(update=change), execution=EXECUTION)


def test_tiny_is_a_function_of_its_seed() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (build_student(TinyStudent(seed=seed), execution=EXECUTION) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(one.encode(TEXT), same.encode(TEXT))
    assert not np.allclose(one.encode(TEXT), other.encode(TEXT), atol=1e-2)
    assert one.get_embedding_dimension() == 128
    prompted = build_student(TinyStudent(query_prompt="query: "), execution=EXECUTION)
    assert tokens_seen(prompted, "encode_query").startswith("query : compute")


def test_a_students_key_follows_what_it_is() -> None:
    students = [
        TinyStudent(),
        TinyStudent(seed=1),
        ModelStudent(name="minilm", source="embedded"),
        ModelStudent(name="minilm", source="embedded", layers=(0, 2, 5)),
    ]
    assert len({student_key(student) for student in students}) == 4
    assert student_key(TinyStudent()) == student_key(TinyStudent(seed=0))
