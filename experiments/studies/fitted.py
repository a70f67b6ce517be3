"""Settings that suit a collection: computed from its size and the lengths of its texts, and what they will cost.

`suited` is a pure function of what is measured, and what it gives stands in each run's config, so that a run's name
says all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PASSES = 3
"""Times that each training row is seen, on average."""
MOST_ROWS = 8000
"""Rows a run trains on at most, repeats counted: some minutes of a small student on two cores."""
FEWEST_STEPS = 20
BATCHES = ((256, 32), (128, 16), (0, 8))
"""(training rows from which on, batch size): at least eight batches a pass where the collection allows it."""
QUERY_TOKENS = (16, 128)
PASSAGE_TOKENS = (32, 256)
"""Bounds of the length at which texts are cut. 256: what all-MiniLM-L6-v2 was tuned on."""
HELD_OUT = (0.2, 1000)
"""Share of the training queries that are measured on where the collection has no test split, and at most how many."""
HIDING = 0.05
"""Share of queries with several relevant documents from which on one is shown and the others are hidden and counted."""


@dataclass(frozen=True)
class Measured:
    """What is known of a collection before anything is chosen.

    splits: split -> queries. several: share of training queries with more than one relevant document. query_tokens,
    passage_tokens: the 95th percentile of their lengths. carved: whether queries can be set aside from train.
    """

    documents: int
    splits: Mapping[str, int]
    several: float
    query_tokens: int
    passage_tokens: int
    carved: bool = True


def suited(found: Measured) -> dict[str, str]:
    """Config key -> value in the command line's grammar."""
    chosen: dict[str, str] = {}
    train = found.splits.get("train", 0)
    if found.carved and train > 1 and "test" not in found.splits:
        held_out = max(1, min(int(train * HELD_OUT[0]), HELD_OUT[1]))
        train -= held_out
        chosen |= {"data.heldout_queries": str(held_out), "evaluation.splits": "[heldout]"}
    if found.carved:
        chosen["data.positives"] = "one" if found.several >= HIDING else "all"
    batch = next(size for rows, size in BATCHES if train >= rows)
    steps = max(FEWEST_STEPS, min(PASSES * train, MOST_ROWS) // batch)
    queries = _length(found.query_tokens, *QUERY_TOKENS, step=8)
    passages = _length(found.passage_tokens, *PASSAGE_TOKENS, step=16)
    chosen |= {"train.steps": str(steps), "train.batch_size": str(batch)}
    for section in ("train", "evaluation"):
        chosen |= {f"{section}.query_length": str(queries), f"{section}.passage_length": str(passages)}
    return chosen


def _length(tokens: int, low: int, high: int, *, step: int) -> int:
    """`tokens` rounded up to a multiple of `step`, within bounds."""
    return min(max(-(-tokens // step) * step, low), high)


def lines(found: Measured, given: Sequence[str]) -> list[str]:
    """What was measured and what is chosen; `given`: the overrides that are used."""
    splits = ", ".join(f"{name} {count}" for name, count in sorted(found.splits.items()))
    hidden = f", {found.several:.0%} of its train queries with several relevant ones" if found.several else ""
    return [
        f"measured  {found.documents} documents, queries: {splits}{hidden}; 95% of queries have at most "
        f"{found.query_tokens} tokens, of passages {found.passage_tokens}",
        f"settings  {' '.join(given)}",
    ]


@dataclass(frozen=True)
class Work:
    """Tokens that a study reads. teacher: encoded once. student: encoded in evaluation. trained: in training."""

    teacher: int
    student: int
    trained: int


BACKWARD = 3
"""A training step costs about three forward passes: one forward, two for the gradients."""


def work(
    *,
    documents: int,
    train: int,
    measured: int,
    lengths: tuple[float, float],
    examples: int,
    negatives: int,
    trained_runs: int,
    untrained: bool,
) -> Work:
    """Of a study whose runs train on `examples` rows each. lengths: mean tokens of queries and of passages, as cut."""
    query, passage = lengths
    corpus = documents * passage
    rows = examples * (query + (1 + negatives) * passage)
    return Work(
        teacher=int(corpus + train * query),
        student=int((trained_runs + untrained) * (corpus + measured * query)),
        trained=int(trained_runs * rows),
    )


def seconds(found: Work, *, teacher: float | None, student: float) -> float:
    """Time for the work at measured rates, in tokens a second; teacher: None where it encodes nothing."""
    encoding = found.teacher / teacher if teacher else 0.0
    return encoding + (found.student + BACKWARD * found.trained) / student


def time_text(duration: float) -> str:
    """`about 40 s`, `about 14 minutes` or `about 3.5 hours`."""
    if duration < 90:
        return f"about {duration:.0f} s"
    return f"about {duration / 60:.0f} minutes" if duration < 5400 else f"about {duration / 3600:.1f} hours"
