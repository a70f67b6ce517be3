"""How far the probabilities that miner=topk_calibrated judges by can be believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.arms import KnownFalse
from analysis.formats import Table, fixed, markdown, percent
from analysis.load import Study
from analysis.stats import wilson
from analysis.tables.cells import known_text
from experiments.records.mining import CalibrationFacts, MiningFacts, ReliabilityBin

NOTE = (
    "Each candidate is judged by a logistic regression that saw no row of its query text. These arms have extra "
    "information: hidden positives of training queries, which no other bar is told. Brier: mean squared error of the "
    "probabilities; of the share: that of always predicting the share that is hidden. Predicted among mined: mean "
    "probability of the negatives, beside their known false negatives. The target bounds each prediction and not the "
    "rate, and both are lower bounds, for what nobody judged counts as irrelevant. Observed: hidden positives among "
    "the candidates of that prediction. Seeds are pooled as if they were independent."
)


@dataclass(frozen=True)
class Estimates:
    """What one teacher's fits gave in one run: how good they are, and its negatives, known false ones and all."""

    facts: CalibrationFacts
    known: int
    mined: int


def calibration_markdown(study: Study, blocks: Sequence[str]) -> str:
    """Two tables, how good the estimates are and the reliability curve; "" where nothing was estimated."""
    found = [(block, name, runs) for block in blocks for name, runs in _by_name(study, block).items()]
    if not found:
        return ""
    summary = Table(
        (
            *("block", "arm", "seeds", "target", "Brier", "Brier of the share", "hidden among candidates"),
            *("predicted among mined", "known false negatives [Wilson 95%]"),
        ),
        tuple((block, name, *_summary(runs)) for block, name, runs in found),
        left=2,
    )
    curve = Table(
        ("block", "arm", "probability", "candidates", "mean predicted", "observed [Wilson 95%]"),
        tuple((block, name, *line) for block, name, runs in found for line in _curve(runs)),
        left=3,
    )
    return f"{markdown(summary)}\n{markdown(curve)}\n{NOTE}\n"


def _by_name(study: Study, block: str) -> dict[str, list[Estimates]]:
    """Arm, with the part of a mixture and the member of an ensemble -> its estimates, seed by seed."""
    found: dict[str, list[Estimates]] = {}
    for arm in study.plan.arms(block):
        for run in study.cell(block, arm).values():
            whole = {} if run.record.mining is None else {"": run.record.mining}
            for part, mining in (run.record.mining_parts or whole).items():
                for member, estimates in _estimates(mining):
                    found.setdefault(" / ".join(filter(None, (arm, part, member))), []).append(estimates)
    return found


def _estimates(mining: MiningFacts) -> Iterator[tuple[str, Estimates]]:
    """By member of an ensemble; "" where one teacher ranks."""
    if mining.calibration is not None:
        yield "", Estimates(mining.calibration, mining.known_false, mining.mined)
    for member in mining.members or ():
        if member.calibration is not None:
            yield member.name, Estimates(member.calibration, member.known_false, member.negatives)


def _summary(runs: list[Estimates]) -> tuple[str, ...]:
    candidates, mined = sum(one.facts.candidates for one in runs), sum(one.mined for one in runs)
    share = sum(one.facts.hidden for one in runs) / candidates
    chosen = sum((one.facts.chosen or 0.0) * one.mined for one in runs)
    return (
        str(len(runs)),
        f"{runs[0].facts.target:g}",
        fixed(sum(one.facts.brier * one.facts.candidates for one in runs) / candidates, 5),
        fixed(share * (1 - share), 5),
        percent(share),
        percent(chosen / mined if mined else None),
        known_text(KnownFalse(sum(one.known for one in runs), mined) if mined else None),
    )


def _curve(runs: list[Estimates]) -> Iterator[tuple[str, ...]]:
    bins: dict[float, list[ReliabilityBin]] = {}
    for one in (one for run in runs for one in run.facts.reliability):
        bins.setdefault(one.low, []).append(one)
    for low in sorted(bins):
        candidates, hidden = sum(one.candidates for one in bins[low]), sum(one.hidden for one in bins[low])
        predicted = sum(one.predicted * one.candidates for one in bins[low]) / candidates
        least, most = wilson(hidden, candidates)
        observed = f"{percent(hidden / candidates)} [{100 * least:.1f}, {100 * most:.1f}]"
        yield f"{low:g} to {bins[low][0].high:g}", str(candidates), percent(predicted), observed
