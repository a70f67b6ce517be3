"""The declaration, as it stands and as it stood when plan.json was first written."""

from __future__ import annotations

import json
from typing import Any

from analysis.formats import fixed
from analysis.load import Study
from analysis.report.history import history_line


def declaration_section(study: Study) -> str:
    """Question, expectation, what is compared, and every change since."""
    d = study.plan.declaration
    contrasts = "; ".join(f"{c.name} ({c.arm} − {c.baseline})" for c in d.contrasts) or "none"
    margin = "none declared" if d.margin is None else f"±{d.margin:g}"
    lines = [
        f"- Expected: {d.expectation}" if d.expectation else "",
        f"- Baseline: {d.baseline_name}. Primary contrasts: {contrasts}. Family: Holm. Equivalence margin: {margin}.",
        f"- Views: {'; '.join(d.views)}." if d.views else "",
        f"- Seeds: {', '.join(map(str, d.seeds))}. Declared cost: {d.cost.rstrip('.') or 'not stated'}.",
        *(_block_line(study, block) for block in study.plan.blocks),
        *(_chosen_line(study, cell) for cell in sorted(study.plan.chosen)),
    ]
    body = "".join(f"{line}\n" for line in lines if line)
    return f"## Declaration\n\n{body}\n{_changes(study)}{history_line(study)}"


def _block_line(study: Study, block: str) -> str:
    declared = study.plan.declaration.blocks.get(block)
    overrides = "" if declared is None or not declared.overrides else f" `{' '.join(declared.overrides)}`;"
    seeds = ", ".join(map(str, study.plan.seeds(block)))
    return f"- Block {block}:{overrides} seeds {seeds}; arms {', '.join(study.plan.arms(block))}."


def _chosen_line(study: Study, cell: str) -> str:
    chosen = study.plan.chosen[cell]
    tried = ", ".join(f"{value_text(point.value)} ({fixed(point.mean, 4)})" for point in chosen.curve)
    if chosen.value is None:
        return f"- To be chosen by {chosen.by} for {cell}: {chosen.key}, of {tried}; dev runs are missing."
    return f"- Chosen by {chosen.by} for {cell}: {chosen.key} = {value_text(chosen.value)}, of {tried}."


def value_text(value: float | int | str | None) -> str:
    """A parameter's value as a reader would type it."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _changes(study: Study) -> str:
    found = study.plan.changes
    if not found:
        later = " The contrasts added since stand apart." if _added_since(study) else ""
        return f"What plan.json declares is what was first written there.{later}\n"
    lines = [f"- `{key}`: was {_value(before)}, is {_value(after)}\n" for key, before, after in found]
    return "**Changed since plan.json was first written:**\n\n" + "".join(lines) + "\n"


def _added_since(study: Study) -> bool:
    return study.plan.declaration.added != study.plan.declared_at_first_run.added


def _value(value: Any) -> str:
    return "absent" if value is None else f"`{json.dumps(value, sort_keys=True, ensure_ascii=False)}`"
