"""One more threshold of a sweep over stored embeddings, beside sentence-transformers' miner with its cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.bench.silent import silent
from experiments.bench.values import Case, Given, Sides
from experiments.bench.vectors import STATIC, collection, docstrings, execution
from experiments.command.build import Composed
from experiments.command.compose import Composer
from experiments.models.encoder import load_encoder

FIRST, STEP = 0.90, 0.005
"""The threshold of round -1, which is not measured, and from there to the next."""
NEGATIVES, RANGE = 4, 100
COMPOSER = Composer()


def cases(given: Given) -> Sequence[Case]:
    """TopK-PercPos on all training pairs of the collection."""
    name = given.collection or "docstrings"
    peer = "mine_hard_negatives of sentence-transformers, embeddings cached"
    return [Case(f"{name}, TopK-PercPos, {NEGATIVES} negatives a row", _prepare, peer, target=50.0)]


def run_of(
    given: Given, *, method: str = "topk_percpos", threshold: float | None, negatives: int = NEGATIVES
) -> Composed:
    """A run that stops after mining, in the scratch folder. threshold: None for a method that has none."""
    data = ["data=beir", f"data.name={given.collection}"] if given.collection else as_overrides(given)
    where = [f"outputs={given.scratch.as_posix()}", "execution.results=null", "execution.progress=false"]
    how = [f"execution.threads={given.threads}", f"execution.device={given.device}", "tracker=none", "until=mine"]
    value = [] if threshold is None else [f"miner.threshold={threshold:.4f}"]
    rows = ["teacher=static", f"miner={method}", *value, f"mining.num_negatives={negatives}"]
    return COMPOSER.run([*data, *where, *how, *rows])


def as_overrides(given: Given) -> list[str]:
    """The docstrings of the bench on a command line."""
    sizes = docstrings(given).model_dump(include={"passages", "train_queries", "dev_queries", "test_queries"})
    return ["data=docstrings", *(f"data.{name}={value}" for name, value in sizes.items())]


def _prepare(given: Given) -> Sides:
    from experiments import pipeline

    def ours(turn: int) -> Any:
        composed = run_of(given, threshold=_threshold(turn))
        return pipeline.run(composed.config, composed.execution)

    return Sides(ours, _peer(given), _agreement)


def _threshold(turn: int) -> float:
    return FIRST + STEP * (turn + 1)


def _peer(given: Given) -> Any:
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    found = collection(given)
    train, passages = found.splits["train"], found.corpus.passages
    pairs = zip(train.qrels.query, train.qrels.document, train.qrels.grade, strict=True)
    rows = [(train.queries.texts[q], passages[d]) for q, d, grade in pairs if grade > 0]
    asked = Dataset.from_dict({"query": [q for q, _ in rows], "positive": [d for _, d in rows]})
    model = load_encoder(STATIC, execution=execution(given), precision="fp32")
    corpus, cache = list(passages), given.scratch / "peer"
    cache.mkdir(parents=True, exist_ok=True)

    def mine(turn: int) -> Any:
        with silent():
            return mine_hard_negatives(
                asked,
                model,
                corpus=corpus,
                relative_margin=1 - _threshold(turn),
                num_negatives=NEGATIVES,
                range_max=RANGE,
                sampling_strategy="top",
                output_format="n-tuple",
                use_faiss=True,
                cache_folder=str(cache),
                verbose=False,
            )

    return mine


def _agreement(ours: Any, peer: Any) -> str:
    return f"{ours.mining.rows:,} rows here, {len(peer):,} there"
