"""The orders of arms that were expected before the first run, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.compare import compare_arms, difference_tasks
from analysis.formats import DASH, Table, markdown
from analysis.load import Study
from analysis.stats import Difference
from analysis.tables.cells import difference_text, over_text
from experiments.studies.declaration import Expect

NOTE = "As expected, or the opposite: the interval excludes 0. No p is adjusted for the number of lines."


def expected_markdown(study: Study, blocks: Sequence[str]) -> str:
    """One line per expected order and block that has both arms; "" where nothing was expected."""
    lines = [
        _cells(study, block, expected)
        for expected in study.plan.declaration.expects
        for block in blocks
        if block in (expected.blocks or blocks) and {expected.higher, expected.lower} <= set(study.plan.arms(block))
    ]
    if not lines:
        return ""
    header = ("expected", "block", "difference [95%]", "interval over", "found")
    return f"{markdown(Table(header, tuple(lines), left=2))}\n{NOTE}\n"


def _cells(study: Study, block: str, expected: Expect) -> tuple[str, ...]:
    tasks = difference_tasks(study, block)
    difference = compare_arms(study, block, expected.higher, expected.lower, tasks)
    order = f"{expected.higher} above {expected.lower}"
    return order, block, difference_text(difference), over_text(difference), found(difference)


def found(difference: Difference | None) -> str:
    """As expected, the opposite, or not separable; a dash while a run is missing."""
    if difference is None:
        return DASH
    if difference.low <= 0.0 <= difference.high:
        return "not separable"
    return "as expected" if difference.mean > 0.0 else "the opposite"
