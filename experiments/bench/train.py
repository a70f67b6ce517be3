"""Training steps of one recipe, beside sentence-transformers' Trainer with the same recipe and with its defaults."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.bench.products import share_of_products
from experiments.bench.silent import silent
from experiments.bench.values import Case, Given, Sides, Spent
from experiments.bench.vectors import execution, texts
from experiments.config import InfoNCE, ModelStudent
from experiments.models.device import has_bf16_units, resolve_device
from experiments.models.lengths import set_lengths
from experiments.models.reading import freeze_token_embeddings
from experiments.models.student import trainable
from experiments.training.batch import RowGroups
from experiments.training.collator import DOCUMENTS, QUERY, ROW
from experiments.training.loss import InfoNCELoss
from experiments.training.trainer import fit

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer

STUDENT = ModelStudent(name="minilm_l3", source="embedded", layers=(0, 2, 5), pooling="mean")
STEPS, QUICK = 8, 2
NEGATIVES = 4
Lengths = dict[str, int]


def cases(given: Given) -> Sequence[Case]:
    """The recipe of the studies at scale=cpu."""
    recipe, steps = recipe_of(given), QUICK if given.quick else STEPS
    name = (
        f"{steps} steps of {recipe.batch_size} x (1 + 1 + {NEGATIVES}), three layers, "
        f"{recipe.query_length}/{recipe.passage_length} tokens, {recipe.precision}"
    )
    return [
        Case(name, _same, "ST's Trainer, same recipe", target=1.5),
        Case(name, _defaults, f"ST's Trainer, {recipe.precision}, else its defaults", target=1.5),
    ]


def recipe_of(given: Given) -> InfoNCE:
    """As conf/scale/cpu.yaml trains."""
    return InfoNCE(
        steps=QUICK if given.quick else STEPS,
        query_length=64,
        passage_length=64 if given.quick else 128,
        attention="eager",
        dropout=0.0,
        freeze_token_embeddings=True,
        precision="bf16" if has_bf16_units(given.device) else "fp32",
    )


def _same(given: Given) -> Sides:
    recipe, rows = recipe_of(given), _rows(given)
    return Sides(_ours(given, rows), _peer(given, rows, recipe), _agreement, _limit(given, rows))


def _defaults(given: Given) -> Sides:
    rows = _rows(given)
    shipped = recipe_of(given).model_copy(
        update={"attention": "sdpa", "dropout": None, "freeze_token_embeddings": False}
    )
    return Sides(_ours(given, rows), _peer(given, rows, shipped))


def _student(given: Given, recipe: InfoNCE) -> SentenceTransformer:
    model = trainable(STUDENT, seed=0, execution=execution(given), dropout=recipe.dropout, attention=recipe.attention)
    set_lengths(model, query=recipe.query_length, document=recipe.passage_length)
    if recipe.freeze_token_embeddings:
        freeze_token_embeddings(model)
    return model


def _rows(given: Given) -> dict[str, list[Any]]:
    """Rows of one query, its positive and documents that follow it in the corpus."""
    found, recipe = texts(given), recipe_of(given)
    train, passages = found.splits["train"], found.corpus.passages
    count = recipe.steps * recipe.batch_size
    pairs = [(q, d) for q, d in zip(train.qrels.query, train.qrels.document, strict=True)]
    some = [pairs[i % len(pairs)] for i in range(count)]
    return {
        QUERY: [train.queries.texts[q] for q, _ in some],
        DOCUMENTS: [[passages[(d + j) % len(passages)] for j in range(1 + NEGATIVES)] for _, d in some],
        ROW: list(range(count)),
    }


def _ours(given: Given, rows: dict[str, list[Any]]) -> Callable[[int], list[float]]:
    from datasets import Dataset

    recipe, device = recipe_of(given), resolve_device(execution(given))
    data, count, width = Dataset.from_dict(rows), len(rows[ROW]), 1 + NEGATIVES
    groups = RowGroups(query=np.arange(count), document=np.arange(count * width).reshape(count, width))

    def train(_turn: int) -> list[float]:
        model, losses = _student(given, recipe), list[float]()
        loss = InfoNCELoss(model, groups, temperature=recipe.temperature, in_batch=True)

        def told(_step: int, values: dict[str, float]) -> None:
            losses.append(values["loss"])

        fit(model, loss, data, train=recipe, seed=0, device=device, title=None, on_log=told)
        return losses

    return train


def _peer(given: Given, rows: dict[str, list[Any]], recipe: InfoNCE) -> Callable[[int], list[float]]:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.losses import MultipleNegativesRankingLoss
    from transformers.trainer_callback import PrinterCallback

    columns = {QUERY: rows[QUERY]} | {
        f"document_{j}": [documents[j] for documents in rows[DOCUMENTS]] for j in range(1 + NEGATIVES)
    }
    data: Dataset = Dataset.from_dict(columns)

    def train(_turn: int) -> list[float]:
        model = _student(given, recipe)
        with tempfile.TemporaryDirectory() as folder, silent():
            arguments = SentenceTransformerTrainingArguments(
                output_dir=folder,
                max_steps=recipe.steps,
                per_device_train_batch_size=recipe.batch_size,
                learning_rate=recipe.learning_rate,
                warmup_steps=recipe.warmup_steps,
                bf16=recipe.precision == "bf16",
                use_cpu=resolve_device(execution(given)) == "cpu",
                save_strategy="no",
                report_to="none",
                logging_steps=1,
                disable_tqdm=True,
                seed=0,
            )
            loss = MultipleNegativesRankingLoss(model, scale=1 / recipe.temperature)
            trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=data, loss=loss)
            trainer.remove_callback(PrinterCallback)
            trainer.train()
            return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]

    return train


def _agreement(ours: Sequence[float], peer: Sequence[float]) -> str:
    """Both draw their own order of rows, so the means are near, not equal."""
    return f"mean loss {np.mean(ours):.3f} here, {np.mean(peer):.3f} there (each draws its own order)"


def _limit(given: Given, rows: dict[str, list[Any]]) -> Callable[[Spent], str]:
    def told(spent: Spent) -> str:
        train = _ours(given, rows)
        share = share_of_products(lambda: train(0))
        step = spent.cpu / recipe_of(given).steps
        return (
            f"{share:.0%} of our {step:.2f} s a step are products of matrices, which no order of the texts makes "
            "fewer; the rest is softmax, GELU, norms and casts of the same numbers, in libraries of both sides"
        )

    return told
