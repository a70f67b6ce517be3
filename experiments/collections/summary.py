"""Says in one line what a collection holds, and what was dropped, merged or hidden on the way."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from experiments.collections.splits import LEAKING, LEAKING_ELSEWHERE, NEARLY_LEAKING
from experiments.config import DataConfig
from experiments.ir import Collection
from experiments.records.facts import CollectionFacts, LeakFacts

log = logging.getLogger("experiments")
screen = logging.getLogger("experiments.screen")
_said: set[str] = set()

TAKEN_OUT = {
    LEAKING: "evaluated train queries removed",
    LEAKING_ELSEWHERE: "train queries that other collections evaluate removed",
    NEARLY_LEAKING: "train queries that repeat what is evaluated removed (data.leak.action=remove)",
    "train_queries_dropped_with_dev": "train queries in the groups of dev queries removed",
    "train_queries_dropped_with_heldout": "train queries in the groups of held-out queries removed",
    "queries_without_positive": "queries without a relevant document dropped",
    "rows_without_text": "rows with an empty query or passage left out",
    "split_test_queries": "queries set aside as test",
    "split_test_queries_short": "test queries fewer than data.split asks (half of the queries stay in train)",
    "split_dev_queries": "queries set aside as dev",
    "split_dev_queries_short": "dev queries fewer than data.split asks",
    "unjudged_queries": "queries without a judgment dropped",
    "dangling_judgments": "judgments of what is not there dropped",
    "duplicate_judgments": "repeated judgments merged",
    "zero_score_rows": "judgments of score 0 or below",
}
"""Report key -> what is said of a count above zero."""


def facts_of(collection: Collection) -> CollectionFacts:
    """What a record says of a collection."""
    return CollectionFacts(
        content_hash=collection.content_hash,
        documents=len(collection.corpus),
        queries={name: len(split.queries) for name, split in collection.splits.items()},
        report=dict(collection.report),
    )


def say_collections(
    collections: Mapping[str, CollectionFacts], own: Mapping[str, Collection], data: Mapping[str, DataConfig]
) -> None:
    """One line for each collection into the run's log, and on the screen where this process has not shown it yet.

    own: the collections that the run trains on, made from `data`, by name.
    """
    for name, facts in collections.items():
        _say(summary(name, facts, hidden=_hidden(own[name], data[name]) if name in own else ""))


def say_leaks(facts: LeakFacts) -> None:
    """What training data repeats of what is evaluated, in one line said as `say_collections` does; nothing if none."""
    said = [f"{count.task} {count.of} like {count.to}: {count.exact} equal, {count.near} near" for count in facts.found]
    if said:
        compared = f"{facts.queries} train queries and {facts.positives} relevant passages of theirs"
        _say(f"leaks among {compared}: {'; '.join(said)}")
    if facts.unchecked:
        _say(f"leaks not checked, since its data cannot be had now: {', '.join(facts.unchecked)}")


def _say(line: str) -> None:
    log.info(line)
    if line not in _said:
        _said.add(line)
        screen.info("      %s", line)


def summary(name: str, facts: CollectionFacts, *, hidden: str = "") -> str:
    """`nfcorpus: 3633 documents, queries: test 323, train 2582; 8 evaluated train queries removed`."""
    counts = ", ".join(f"{split} {count}" for split, count in sorted(facts.queries.items()))
    said = [f"{count} {said}" for key, said in TAKEN_OUT.items() if (count := facts.report.get(key, 0))]
    if hidden:
        said.append(hidden)
    return f"{name}: {facts.documents} documents, queries: {counts or 'none'}; {', '.join(said) or 'nothing dropped'}"


def _hidden(collection: Collection, data: DataConfig) -> str:
    """What training does not see of the judgments of the train split."""
    train = collection.splits.get("train")
    if train is None or data.positives == "all" or len(train.qrels) == len(train.queries):
        return ""
    hidden = len(train.qrels) - len(train.queries)
    return f"positives=one hides {hidden} of {len(train.qrels)} relevant documents of train queries"
