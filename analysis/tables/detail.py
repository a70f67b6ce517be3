"""Every task and measure by arm, each seed's figure, and known false negatives by rank and score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.compare import block_tasks, compare_arms
from analysis.formats import DASH, Table, fixed, markdown, percent
from analysis.load import FinishedRun, Study
from analysis.stats import wilson
from analysis.tables.cells import difference_text
from experiments.records.mining import RateBin
from experiments.records.schema import MEASURES


def detail_markdown(study: Study, blocks: Sequence[str]) -> str:
    """Per block: all measures and differences by task, each seed's figure, known false negatives by rank and score."""
    parts = []
    for block in filter(study.started, blocks):
        found = [_task_part(study, block, task) for task in block_tasks(study, block)]
        found += [_audit_part(study, block, "rank"), _audit_part(study, block, "score")]
        parts.append(f"### {block}\n\n" + "\n".join(part for part in found if part))
    return "\n".join(parts)


def _task_part(study: Study, block: str, task: str) -> str:
    baseline = study.plan.declaration.baseline_name
    header = ("arm", *MEASURES, "nDCG@10 by seed", f"nDCG@10 − {baseline} [95%]")
    rows = tuple(_task_row(study, block, task, arm, baseline) for arm in study.plan.arms(block))
    sizes = sorted({run.record.tasks[task].queries for run in _runs(study, block) if task in run.record.tasks})
    count = " / ".join(map(str, sizes))
    return f"**{task}**, {count} queries\n\n{markdown(Table(header, rows))}"


def _runs(study: Study, block: str) -> list[FinishedRun]:
    return [run for arm in study.plan.arms(block) for run in study.cell(block, arm).values()]


def _task_row(study: Study, block: str, task: str, arm: str, baseline: str) -> tuple[str, ...]:
    records = [run.record.tasks[task].measures for run in study.cell(block, arm).values() if task in run.record.tasks]
    means = [_mean(values[m] for values in records if m in values) for m in MEASURES]
    seeds = ", ".join(f"{values[MEASURES[0]]:.4f}" for values in records) or DASH
    difference = None if arm == baseline else compare_arms(study, block, arm, baseline, [task])
    return arm, *(fixed(mean, 4) for mean in means), seeds, difference_text(difference)


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None


def _audit_part(study: Study, block: str, by: str) -> str:
    pooled = {arm: _pooled(study, block, arm, by) for arm in study.plan.arms(block)}
    labels = sorted({label for bins in pooled.values() for label in bins}, key=_label_order)
    if not labels:
        return ""
    rows = tuple((arm, *(_rate(bins.get(label)) for label in labels)) for arm, bins in pooled.items() if bins)
    return f"Known false negatives by {by} [Wilson 95%]\n\n{markdown(Table(('arm', *labels), rows))}"


def _label_order(label: str) -> float:
    """The lower edge: of "3" or "-0.5 to -0.45"."""
    return float(label.partition(" to ")[0])


def _pooled(study: Study, block: str, arm: str, by: str) -> dict[str, tuple[int, int]]:
    pooled: dict[str, tuple[int, int]] = {}
    for run in study.cell(block, arm).values():
        mining = run.record.mining
        if mining is None:
            continue
        bins: tuple[RateBin, ...] = mining.known_false_by_rank if by == "rank" else mining.known_false_by_score
        for found in bins:
            known, mined = pooled.get(found.label, (0, 0))
            pooled[found.label] = (known + found.known_false, mined + found.mined)
    return pooled


def _rate(found: tuple[int, int] | None) -> str:
    if found is None or found[1] == 0:
        return DASH
    low, high = wilson(*found)
    return f"{percent(found[0] / found[1])} [{100 * low:.1f}, {100 * high:.1f}]"
