"""Small random checkpoints made on the spot, with MiniLM's tokenizer, saved as their authors save theirs."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoTokenizer, BertConfig, BertModel, MistralConfig, MistralModel, PreTrainedModel

from experiments.models.weights import embedded_minilm

VOCABULARY = 30522


def mistral_folder(folder: Path, *, seed: int = 0, dropout: float = 0.0) -> Path:
    """A Mistral of 2 layers x 32, 4 heads over 2 of keys and values."""
    config = MistralConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        attention_dropout=dropout,
        initializer_range=0.1,
    )
    return _saved(MistralModel, config, folder, seed)


def bert_folder(folder: Path, *, seed: int = 0, dropout: float = 0.1) -> Path:
    """A BERT of 2 layers x 32, 4 heads."""
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=0.1,
    )
    return _saved(BertModel, config, folder, seed)


def _saved(kind: type[PreTrainedModel], config: BertConfig | MistralConfig, folder: Path, seed: int) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedded_minilm()).save_pretrained(folder)
    return folder
