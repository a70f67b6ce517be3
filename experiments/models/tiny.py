"""A random BERT of 2 layers x 128 over MiniLM's vocabulary: for tests and for plumbing, never for conclusions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.config import Encoder, TinyStudent
from experiments.execution import Execution
from experiments.identity import derive_seed
from experiments.models.device import resolve_device
from experiments.models.reading import finish, quiet_loading
from experiments.models.weights import embedded_minilm

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WIDTH, POSITIONS = 128, 512
SHAPE: dict[str, Any] = {
    "num_hidden_layers": 2,
    "hidden_size": WIDTH,
    "num_attention_heads": 2,
    "intermediate_size": 4 * WIDTH,
    "max_position_embeddings": POSITIONS,
}
"""Of a BertConfig."""


def build_tiny(
    student: TinyStudent, *, execution: Execution, dropout: float | None = None, attention: str | None = None
) -> SentenceTransformer:
    """Weights are a function of `student.seed`; only the tokenizer is MiniLM's. The caller's random state is kept."""
    import tempfile

    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer

    # manual_seed seeds every GPU too, so their generators are put back as well as the CPU's.
    with (
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        tempfile.TemporaryDirectory() as scratch,
        quiet_loading(),
    ):
        torch.manual_seed(derive_seed(student.seed, "tiny"))
        AutoTokenizer.from_pretrained(embedded_minilm()).save_pretrained(scratch)
        _save_random_bert(Path(scratch), dropout)
        options = {} if attention is None else {"attn_implementation": attention}
        transformer = Transformer(scratch, model_kwargs=options, max_seq_length=POSITIONS)
        model = SentenceTransformer(
            modules=[transformer, Pooling(WIDTH, pooling_mode="mean")], device=resolve_device(execution)
        )
    reading = Encoder(name="tiny", query_prompt=student.query_prompt, document_prompt=student.document_prompt)
    return finish(model, reading)


def save_tiny_reranker(folder: Path, *, seed: int = 0) -> None:
    """A random BERT that gives a pair of texts one score, in a folder as transformers saves it."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), quiet_loading():
        torch.manual_seed(derive_seed(seed, "tiny_reranker"))
        # The usual initializer_range of 0.02 scores all pairs alike to two digits.
        config = BertConfig(**SHAPE, initializer_range=0.2, num_labels=1)
        BertForSequenceClassification(config).save_pretrained(folder)
        AutoTokenizer.from_pretrained(embedded_minilm()).save_pretrained(folder)


def _save_random_bert(folder: Path, dropout: float | None) -> None:
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    rate = 0.1 if dropout is None else dropout
    config = BertConfig(
        **SHAPE, hidden_dropout_prob=rate, attention_probs_dropout_prob=rate, architectures=["BertModel"]
    )
    config.save_pretrained(folder)
    save_file(BertModel(config).state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
