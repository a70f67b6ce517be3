"""Mining in plain loops, written from the text of experiments/README.md (Mining), one row at a time.

It shares no code with the miners but the seeded choices, which it takes as given: which positive is shown (`shown`)
and which hidden positives are revealed (`revealed`).
"""

from __future__ import annotations

import math
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
    that are not judged.
    """

    query: int
    positive: int
    survivors: list[tuple[int, int]]
    excluded: set[int]
    bar: float | None
    hidden: set[int]
    copies: set[int]


def expected_row(
    problem: Problem,
    *,
    query: int,
    positive: int,
    shown: list[tuple[int, int]],
    revealed: set[tuple[str, int]],
    all_shown: bool,
    miner: MinerConfig,
    mining: MiningConfig,
) -> Expected:
    """`shown` lists every training row (query, positive); `revealed` holds (query text, document)."""
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
    excluded |= {d for wanted, d in revealed if wanted == text}

    own = float(problem.scores[query, positive])
    several = [float(problem.scores[q, d]) for q, d in rows]
    anchor = {"own": own, "min": min(several), "max": max(several)}[mining.anchor]
    bar = bar_of(miner, anchor)

    ranking = sorted(minable, key=lambda i: (-float(problem.scores[query, i]), i))
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
    return Expected(query, positive, survivors, excluded, bar, hidden, hidden - relevant)


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
