"""The methods table of one block."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.arms import ArmRow, arm_rows
from analysis.compare import block_tasks, difference_tasks
from analysis.formats import DASH, Table, fixed, latex, markdown, percent
from analysis.leaks import leak_notes
from analysis.load import Study
from analysis.tables.cells import adjusted_p_text, difference_text, marks, mined_texts, over_text, seeds_text

MINED = ("known false negatives", "above own positive", "mean gap", "mean rank")
TRAINED = ("yield", "rows trained on", "steps", "passes", "mean cosine", "view")
BUDGET = (*MINED, *TRAINED)
"""Columns of the page's second table: what was mined, and what an arm was trained on."""
THERE = " at the same seeds"
"""How the column of the baseline's score at a partly run arm's seeds ends."""


def methods_table(study: Study, block: str) -> Table:
    """Arm by arm: scores, difference to the baseline, what was mined and what it was trained on."""
    tasks, baseline = block_tasks(study, block), study.plan.declaration.baseline_name
    with_mean = len(difference_tasks(study, block)) > 1
    header = (
        "arm",
        *(f"{task} nDCG@10" for task in tasks),
        *(["mean"] if with_mean else []),
        "seeds",
        f"difference to {baseline} [95%]",
        f"{baseline}{THERE}",
        "interval over",
        "p",
        "verdict",
        *BUDGET,
        "marks",
    )
    rows = tuple(_cells(row, baseline, with_mean=with_mean) for row in arm_rows(study, block))
    empty = {name for i, name in enumerate(header) if all(row[i] in ("", DASH) for row in rows)}
    return _columns(Table(header, rows), [name for name in header if name not in empty or not _optional(name)])


def _optional(name: str) -> bool:
    """Whether a column is left out where no arm has anything in it."""
    return name == "marks" or name.endswith(THERE)


def _cells(row: ArmRow, baseline: str, *, with_mean: bool) -> tuple[str, ...]:
    return (
        row.arm,
        *(fixed(score, 4) for score in row.by_task.values()),
        *([fixed(row.mean, 4)] if with_mean else []),
        seeds_text(row),
        "baseline" if row.arm == baseline else difference_text(row.difference),
        fixed(row.baseline_there, 4),
        over_text(row.difference),
        adjusted_p_text(row),
        row.verdict or DASH,
        *mined_texts(row),
        percent(row.yield_),
        fixed(row.rows, 0),
        fixed(row.steps, 0),
        fixed(row.passes, 1),
        fixed(row.cosine, 2),
        row.view or DASH,
        marks(row),
    )


def methods_markdown(study: Study, block: str) -> str:
    """Two tables, what an arm scored and what it was trained on; `glossary` says what their figures are."""
    table = methods_table(study, block)
    tables = [markdown(found) for found in (effect_table(table), budget_table(table)) if found.rows]
    return "\n".join([*tables, f"{methods_note(study, block)}\n"])


def effect_table(table: Table) -> Table:
    """Scores and differences."""
    return _columns(table, [name for name in table.header if name not in BUDGET])


def budget_table(table: Table) -> Table:
    """What was mined and trained on, of the arms for which anything was."""
    found = _columns(table, ["arm", *BUDGET])
    return Table(found.header, tuple(row for row in found.rows if set(row[1:]) != {DASH}))


def _columns(table: Table, names: Sequence[str]) -> Table:
    keep = [table.header.index(name) for name in names]
    return Table(tuple(names), tuple(tuple(row[i] for i in keep) for row in table.rows))


def methods_note(study: Study, block: str) -> str:
    """What is particular to the block's tables."""
    tasks = ", ".join(difference_tasks(study, block)) or "no task yet"
    rows = arm_rows(study, block)
    partly = any(row.baseline_there is not None for row in rows)
    same_seeds = " An arm that is not finished is compared on the seeds it has." if partly else ""
    single = any(row.difference is not None and row.difference.over == "queries only" for row in rows)
    warning = " One seed: those intervals cover queries only and say nothing about a second run." if single else ""
    return f"Differences: paired, on {tasks}.{same_seeds}{warning}{leak_notes(study, block)}"


def glossary(study: Study) -> str:
    """What the columns of every block's tables mean."""
    margin = study.plan.declaration.margin
    tests = "two one-sided tests at 5%, not adjusted for the family, against"
    equivalence = "" if margin is None else f"\nEquivalence: {tests} ±{margin:g}."
    return (
        "Scores are means over seeds; a dash is a missing or meaningless cell.\n"
        f"p: Holm over the declared family where marked, else unadjusted.{equivalence}\n"
        "Known false negatives: mined negatives that are judged relevant but were hidden from training, with Wilson's "
        "interval,\npooled over seeds as if they were independent; a lower bound. Above own positive: share of the "
        "negatives that the teacher\nscores above their row's positive; gap: positive score minus negative score; "
        "rank: the teacher's; all three of ranked\nnegatives only. Mean cosine: between documents of the training "
        "rows, after training."
    )


def methods_latex(study: Study, block: str) -> str:
    """A narrower table for print: scores, difference, known false negatives, yield."""
    table = methods_table(study, block)
    dropped = {"interval over", "marks", "verdict", *BUDGET} - {"known false negatives", "yield"}
    narrow = _columns(table, [name for name in table.header if name not in dropped])
    return latex(narrow, caption=_caption(study, block), label=f"{study.name}-{block}")


def _caption(study: Study, block: str) -> str:
    note = f"{methods_note(study, block)} {glossary(study)}".replace("\n", " ")
    return f"Study {study.name}, block {block}. {note}"
