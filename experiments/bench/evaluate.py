"""One student measured on docstrings, beside mteb with sentence-transformers' own model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from experiments.bench.train import STUDENT
from experiments.bench.values import Case, Given, Sides
from experiments.bench.vectors import execution, texts
from experiments.evaluation.target import EvaluationTarget
from experiments.models.student import build_student

BATCH = 32


def cases(_given: Given) -> Sequence[Case]:
    """One split, and two splits that search the same corpus."""
    return [
        Case("test split of docstrings, fp32", partial(_prepare, ("test",)), "mteb", target=1.0),
        Case("dev and test split of docstrings, fp32", partial(_prepare, ("dev", "test")), "mteb", target=1.5),
    ]


def _prepare(splits: tuple[str, ...], given: Given) -> Sides:
    found = texts(given, fewer=True)
    targets = [EvaluationTarget(f"docstrings/{name}", found.corpus, found.splits[name]) for name in splits]
    model = build_student(STUDENT, execution=execution(given), attention="sdpa", precision="fp32")
    return Sides(_ours(model, targets), _peer(model, targets), _agreement)


def _ours(model: Any, targets: Sequence[EvaluationTarget]) -> Callable[[int], list[float]]:
    from experiments.evaluation.mteb_task import local_task, search
    from experiments.evaluation.named_encoder import NamedEncoder

    def measure(turn: int) -> list[float]:
        encoder = NamedEncoder(model, key=f"bench{turn}", share_texts=True)
        return [search(local_task(target), encoder, batch_size=BATCH).ndcg for target in targets]

    return measure


def _peer(model: Any, targets: Sequence[EvaluationTarget]) -> Callable[[int], list[float]]:
    import mteb

    from experiments.evaluation.mteb_task import local_task
    from experiments.evaluation.quiet import quiet

    def measure(_turn: int) -> list[float]:
        found = []
        for target in targets:
            with quiet():
                result = mteb.evaluate(
                    model,
                    local_task(target),
                    cache=None,
                    co2_tracker=False,
                    encode_kwargs={"batch_size": BATCH, "show_progress_bar": False},
                    show_progress_bar=False,
                )
            found.append(float(result.task_results[0].get_score()))
        return found

    return measure


def _agreement(ours: Sequence[float], peer: Sequence[float]) -> str:
    worst = max(abs(a - b) for a, b in zip(ours, peer, strict=True))
    return f"nDCG@10 differs by {worst:.5f} at most"
