"""Mining in plain loops, written from the text of experiments/README.md (Mining), one row at a time.

It shares no code with the miners but the seeded choices, which it takes as given: which positive is shown (`shown`),
which hidden positives are revealed (`revealed`), and the coins between equally near placebos (`better`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.config import MinerConfig, MiningConfig
from tests.miners.problems import Problem


def same(text: str) -> str:
    return " ".join(text.lower().split())


@dataclass
class Expected:
    """One row: survivors as (raw rank, document), best first; the documents excluded; the bar.

    hidden: what answers the query, may be mined but for `reveal`, and says nothing that is shown. copies: those of them
    that are not judged. placebos: revealed positives within depth as (document, rank, placebo, its rank), ranks after
    the exclusions; None where no placebo is left.
    """

    query: int
    positive: int
    survivors: list[tuple[int, int]]
    excluded: set[int]
    bar: float | None
    hidden: set[int]
    copies: set[int]
    placebos: list[tuple[int, int, int | None, int | None]]


def expected_row(
    problem: Problem,
    *,
    query: int,
    positive: int,
    shown: list[tuple[int, int]],
    revealed: set[tuple[str, int]],
    better: Callable[[int, int], bool],
    all_shown: bool,
    miner: MinerConfig,
    mining: MiningConfig,
) -> Expected:
    """`shown`: every training row (query, positive); `revealed`: (query text, document), copies too; `better`: by
    (query, revealed document), whether the placebo of the better rank is taken.
    """
    texts = problem.collection.corpus.passages
    questions = problem.collection.splits["train"].queries.texts
    text = same(questions[query])
    relevant = judged_for(problem, text)
    rows = [(q, d) for q, d in shown if same(questions[q]) == text]
    known = relevant if all_shown else {d for _, d in rows}
    excluded = set(known)
    for i, passage in enumerate(texts):
        if same(passage) == text or any(same(passage) == same(texts[d]) for d in known):
            excluded.add(i)
    minable = [i for i in range(len(texts)) if problem.collection.minable[i]]
    hidden = {i for i in minable if any(same(texts[i]) == same(texts[d]) for d in relevant)} - excluded
    ranking = sorted(minable, key=lambda i: (-float(problem.scores[query, i]), i))
    taken_out = {d for wanted, d in revealed if wanted == text}
    placebos = []
    if mining.false_negatives == "placebo":
        ranked = [d for d in ranking if d not in excluded]
        placebos = find_placebos(ranked, taken_out, hidden, depth=mining.depth, better=lambda d: better(query, d))
        taken_out = {placebo for _, _, placebo, _ in placebos if placebo is not None}
    excluded |= taken_out

    own = float(problem.scores[query, positive])
    several = [float(problem.scores[q, d]) for q, d in rows]
    anchor = {"own": own, "min": min(several), "max": max(several)}[mining.anchor]
    bar = bar_of(miner, anchor)

    survivors: list[tuple[int, int]] = []
    rank_after_exclusions = 0
    for raw_rank, document in enumerate(ranking, start=1):
        if document in excluded:
            continue
        rank_after_exclusions += 1
        if rank_after_exclusions > mining.depth:
            break
        if miner.kind == "topk_shifted" and rank_after_exclusions <= miner.shift:
            continue
        if bar is not None and not float(problem.scores[query, document]) < bar:
            continue
        survivors.append((raw_rank, document))
    return Expected(query, positive, survivors, excluded, bar, hidden, hidden - relevant, placebos)


def find_placebos(
    ranked: list[int], revealed: set[int], hidden: set[int], *, depth: int, better: Callable[[int], bool]
) -> list[tuple[int, int, int | None, int | None]]:
    """In the order of the ranks, the nearest candidate of each revealed one that answers nothing and is not taken."""
    found: list[tuple[int, int, int | None, int | None]] = []
    taken: set[int] = set()
    for rank, document in enumerate(ranked[:depth], start=1):
        if document not in revealed:
            continue
        for away in range(1, len(ranked) + 1):
            sides = (rank - away, rank + away) if better(document) else (rank + away, rank - away)
            there = [r for r in sides if 1 <= r <= len(ranked) and ranked[r - 1] not in hidden | taken]
            if there:
                taken.add(ranked[there[0] - 1])
                found.append((document, rank, ranked[there[0] - 1], there[0]))
                break
        else:
            found.append((document, rank, None, None))
    return found


def judged_for(problem: Problem, text: str) -> set[int]:
    """The documents judged relevant for any query of that normalised text."""
    split = problem.collection.splits["train"]
    judged = zip(split.qrels.query, split.qrels.document, strict=True)
    return {int(d) for q, d in judged if same(split.queries.texts[q]) == text}


def originals(problem: Problem, text: str) -> dict[int, int]:
    """For every document that says what a judged one says: the first judged document that says it."""
    passages = problem.collection.corpus.passages
    found = {}
    for i, passage in enumerate(passages):
        alike = [d for d in sorted(judged_for(problem, text)) if same(passages[d]) == same(passage)]
        if alike:
            found[i] = alike[0]
    return found


def bar_of(miner: MinerConfig, positive: float) -> float | None:
    """A float32, as scores are."""
    if miner.kind == "topk_abs":
        bar = miner.threshold
    elif miner.kind == "topk_marginpos":
        bar = positive - miner.threshold
    elif miner.kind == "topk_percpos":
        bar = positive * miner.threshold
        if positive < 0:
            bar = positive - math.fabs(positive) * (1 - miner.threshold)
    else:
        return None
    return float(np.float32(bar))
