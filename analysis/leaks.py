"""What training data repeats of what is evaluated, and what of it was mined, over the runs of a block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from analysis.formats import percent
from analysis.load import Study
from experiments.records.facts import LeakCount, LeakFacts
from experiments.records.mining import MiningFacts
from experiments.records.schema import RunRecord


def leak_notes(study: Study, block: str) -> str:
    """Both notes on a block's finished runs, each with a space before it; "" where there is nothing to say."""
    records = {arm: [run.record for run in study.cell(block, arm).values()] for arm in study.plan.arms(block)}
    mined = {arm: [one.mining for one in found if one.mining is not None] for arm, found in records.items()}
    return leak_note(record for found in records.values() for record in found) + evaluated_note(mined)


def leaking(record: RunRecord) -> int:
    """Training queries, and passages shown with them, that say what an evaluated query says; 0 where nobody counted.

    What was removed is not there any more. A passage that is relevant in evaluation, too, is not among them: most
    collections share passages between train and test.
    """
    if record.leaks is None:
        return 0
    return sum(count.exact + count.near for count in left(record, record.leaks) if count.to == "queries")


def left(record: RunRecord, facts: LeakFacts) -> list[LeakCount]:
    """The counts that speak of what was trained on."""
    leak = record.run_config().data.leak
    removed = leak.of if leak.action == "remove" else ()
    return [count for count in facts.found if count.of not in removed]


def leak_note(records: Iterable[RunRecord]) -> str:
    """For each pair of sides the largest count of any of the runs, of how many, as one sentence; "" of nothing."""
    most: dict[tuple[str, ...], tuple[int, int]] = {}
    unchecked: set[str] = set()
    for record in records:
        facts = record.leaks
        if facts is None:
            continue
        for count in left(record, facts):
            key = (count.part, _OF[count.of], _TO[count.to], count.task)
            compared = facts.queries if count.of == "queries" else facts.positives
            most[key] = max(most.get(key, (0, 0)), (count.exact + count.near, compared))
        unchecked |= set(facts.unchecked)
    said = [
        f"{count} of {compared} {of} of {part} like {to} of {task}"
        for (part, of, to, task), (count, compared) in sorted(most.items())
    ]
    found = f" Leaks, by equal or nearly equal text: {'; '.join(said)}." if said else ""
    missing = f" Not checked for leaks, since its data could not be had: {', '.join(sorted(unchecked))}."
    return found + (missing if unchecked else "")


_OF = {"queries": "training queries", "positives": "relevant passages of training queries"}
_TO = {"queries": "queries", "documents": "relevant documents"}


def evaluated_note(mining: Mapping[str, Sequence[MiningFacts]]) -> str:
    """How much of what each arm mined is relevant in evaluation, over all of its runs; "" where nothing is."""
    shares = {}
    for arm, runs in mining.items():
        counted = [(facts.evaluated, facts.mined) for facts in runs if facts.evaluated is not None and facts.mined]
        if counted:
            evaluated, mined = map(sum, zip(*counted, strict=True))
            shares[arm] = evaluated / mined
    if not any(shares.values()):
        return ""
    said = ", ".join(f"{arm} {percent(share)}" for arm, share in shares.items())
    return f" Of the mined negatives these are relevant for dev, test or held-out queries of their collection: {said}."
