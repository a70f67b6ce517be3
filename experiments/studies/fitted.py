"""Settings that suit a collection: computed from its size and the lengths of its texts, and what they will cost.

`suited` is a pure function of what is measured, and what it gives stands in each run's config, so that a run's name
says all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOKENS = 330_000
"""Tokens that a run trains on under effort 1: about a minute of a small student on one core with bf16 units."""
ROWS = 600
"""Rows a run wants to train on under effort 1, if need be at shorter texts; more where there is room for more."""
PASSES = 2
"""Times that each training row is seen at most, on average: study how_many_queries found mined negatives to pay in one
pass and in two, which was not shown for four."""
FEWEST_STEPS = 20
BATCHES = ((32, 60, 256), (16, 30, 128), (8, 0, 0))
"""(batch size, steps of it, training rows from which on it is taken)."""
QUERY_TOKENS = (16, 128)
PASSAGE_TOKENS = (32, 48, 64, 96, 128, 192, 256)
"""Lengths at which passages are cut. 256: what all-MiniLM-L6-v2 was tuned on."""
SHORT = 64
"""Length below which no passage is cut to make room for more rows."""
HELD_OUT = (0.2, 1000)
"""Share of the training queries that are measured on where the collection has no test split, and at most how many."""
HIDING = 0.05
"""Share of queries with several relevant documents from which on one is shown and the others are hidden and counted."""
WITHIN = 100
"""The teacher's rank within which the one that is shown is drawn: how deep candidates are looked at by default."""


@dataclass(frozen=True)
class Measured:
    """What is known of a collection and a machine before anything is chosen.

    splits: split -> queries. several: share of training queries with more than one relevant document. query_tokens,
    passage_tokens: the 95th percentile of their lengths. passage_means: length of PASSAGE_TOKENS -> mean tokens of
    passages that are cut there. carved: whether queries can be set aside from train. grouped: whether documents name
    what they were cut from. bf16: whether the machine has units for it. cpu: whether it trains on one.
    """

    documents: int
    splits: Mapping[str, int]
    several: float
    query_tokens: int
    passage_tokens: int
    passage_means: Mapping[int, float]
    carved: bool = True
    grouped: bool = False
    bf16: bool = False
    cpu: bool = True


def suited(found: Measured, *, negatives: int = 4, effort: float = 1.0) -> dict[str, str]:
    """Config key -> value in the command line's grammar. negatives: a row's. effort: times the tokens of training."""
    chosen: dict[str, str] = {}
    train = found.splits.get("train", 0)
    if found.carved and train > 1 and "test" not in found.splits:
        held_out = max(1, min(int(train * HELD_OUT[0]), HELD_OUT[1]))
        train -= held_out
        chosen |= {"data.heldout_queries": str(held_out), "evaluation.splits": "[heldout]"}
    if found.carved:
        hiding = found.several >= HIDING
        chosen["data.positives"] = "one" if hiding else "all"
        # A positive that the teacher ranks far down lies below nearly every candidate, so that thresholds keep no row.
        chosen |= {"mining.positive_within": str(WITHIN)} if hiding else {}
    if found.grouped:
        chosen["data.group_by"] = "document"
    queries = min(max(-(-found.query_tokens // 8) * 8, QUERY_TOKENS[0]), QUERY_TOKENS[1])
    passages, rows = _passages(found, train, query=queries, negatives=negatives, effort=effort)
    batch = next(size for size, steps, of in BATCHES if rows >= size * steps and train >= of)
    chosen |= {"train.steps": str(max(FEWEST_STEPS, rows // batch)), "train.batch_size": str(batch)}
    for section in ("train", "evaluation"):
        chosen |= {f"{section}.query_length": str(queries), f"{section}.passage_length": str(passages)}
        chosen |= {f"{section}.precision": "bf16"} if found.bf16 else {}
    # On a CPU eager attention trains 1.3 to 1.6 times as fast as sdpa (bf16, 64 and 128 tokens).
    return chosen | ({"train.attention": "eager"} if found.cpu else {})


def _passages(found: Measured, train: int, *, query: int, negatives: int, effort: float) -> tuple[int, int]:
    """Length of passages and rows of training: whole passages where the wanted rows then fit into the tokens."""
    tokens = TOKENS * effort
    most = next((length for length in PASSAGE_TOKENS if length >= found.passage_tokens), PASSAGE_TOKENS[-1])
    wanted = min(PASSES * train, ROWS * effort**0.5)
    row = {length: query + (1 + negatives) * found.passage_means[length] for length in PASSAGE_TOKENS if length <= most}
    fitting = [length for length, size in row.items() if length <= SHORT or wanted * size <= tokens]
    return max(fitting), min(PASSES * train, int(tokens / row[max(fitting)]))


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
    """What a study does. tokens: that the teacher encodes once, and that all students encode in evaluation."""

    runs: int
    steps: int
    teacher_tokens: float
    evaluation_tokens: float


@dataclass(frozen=True)
class Rates:
    """What this machine was timed at. step: seconds of one optimizer step. teacher, student: tokens a second.

    teacher: None where it encodes nothing. share: the part of the processor that was free for it; None on a GPU.
    """

    step: float
    student: float
    teacher: float | None
    share: float | None = None


START = 15.0, 4.0
"""Processor seconds until the first run begins, and of every run beside encoding and training (21 runs: 99 s)."""
BUSY = 0.85
"""Share of the processor below which other programs are said to run."""


def time_line(work: Work, rates: Rates) -> str:
    """How long the work takes at these rates, part by part, and how long if nothing else ran."""
    parts = {
        "training": work.steps * rates.step,
        "evaluation": work.evaluation_tokens / rates.student,
        "teacher": work.teacher_tokens / rates.teacher if rates.teacher else 0.0,
        "starting": (START[0] + START[1] * work.runs) / (rates.share or 1.0),
    }
    total = sum(parts.values())
    spent = ", ".join(f"{name} {time_text(duration)}" for name, duration in parts.items() if duration)
    spent = spent.replace("teacher", "teacher at most")  # what it has read for an audit or another study is kept
    line = f"about {time_text(total)} for {work.runs} runs one after another ({spent}; timed just now)"
    if rates.share is None or rates.share >= BUSY:
        return line
    idle = time_text(total * rates.share)
    return f"{line}; other programs leave {rates.share:.0%} of the processor, without them about {idle}"


def time_text(duration: float) -> str:
    """`40 s`, `14 minutes` or `3.5 hours`."""
    if duration < 120:
        return f"{duration:.0f} s"
    return f"{duration / 60:.0f} minutes" if duration < 5400 else f"{duration / 3600:.1f} hours"
