"""Under which conditions: collections, environment, cost."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.formats import Table, markdown
from analysis.load import FinishedRun, Study

MEMORY, GPU_MEMORY = "peak_memory_mb", "peak_gpu_memory_mb"


def collection_section(study: Study) -> str:
    """What the loader counted, once per distinct content."""
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for planned in study.tables_runs():
        for name, facts in study.runs[planned.run_id].record.collections.items():
            queries = ", ".join(f"{split} {count}" for split, count in sorted(facts.queries.items()))
            report = ", ".join(f"{key} {count}" for key, count in sorted(facts.report.items())) or "nothing"
            rows[name, facts.content_hash] = (name, facts.content_hash[:12], str(facts.documents), queries, report)
    if not rows:
        return ""
    header = ("collection", "content", "documents", "queries", "counted by the loader")
    return f"## Collections\n\n{markdown(Table(header, tuple(rows[key] for key in sorted(rows)), left=5))}"


def environment_section(study: Study) -> str:
    """Where the runs were made; a mixture is said first."""
    found = study.environments()
    if not found:
        return ""
    mixed = (
        f"**The tables mix {len(found)} environments**; between them a figure may differ by floating-point noise.\n\n"
        if len(found) > 1
        else ""
    )
    lines = [f"- {digest}: {_environment(record.environment)}\n" for digest, record in sorted(found.items())]
    again = sorted({run.run_id for run in study.tables_runs() if len(study.runs[run.run_id].environments) > 1})
    note = f"\n{len(again)} runs have a second record from another environment beside the one shown.\n" if again else ""
    return f"## Environment\n\n{mixed}{''.join(lines)}{note}"


def _environment(environment: dict[str, object]) -> str:
    parts: list[str] = []
    for key in sorted(environment):
        value = environment[key]
        parts.append(f"{key} {_flat(value)}")
    return "; ".join(parts)


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {value[key]}" for key in sorted(value))
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)


def cost_section(study: Study) -> str:
    """Seconds per stage: of making every artifact once, and mean and largest of a whole run."""
    runs = [
        study.runs[run_id] for run_id in dict.fromkeys(run.run_id for run in study.plan.runs) if run_id in study.runs
    ]
    if not runs:
        return ""
    stages = sorted({stage for run in runs for stage in run.record.cost} - {MEMORY, GPU_MEMORY})
    rows = [_stage(stage, runs) for stage in stages]
    total = _minutes(sum(run.record.timings.get("wall", 0.0) for run in runs))
    peak = max(run.record.cost.get(MEMORY, 0.0) for run in runs)
    gpu = max(run.record.cost.get(GPU_MEMORY, 0.0) for run in runs)
    on_card = f" and {gpu / 1024:.1f} GiB of a GPU" if gpu else ""
    header = ("stage", "spent on these runs", "mean cost of a run", "largest")
    table = markdown(Table(header, tuple(rows)))
    return (
        f"## Cost\n\n{len(runs)} runs, {total} of computing, peak memory {peak / 1024:.1f} GiB{on_card}; a stage that "
        f"several runs share is spent once.\n\n{table}"
    )


def _stage(stage: str, runs: Iterable[FinishedRun]) -> tuple[str, ...]:
    records = [run.record for run in runs]
    cost = [record.cost[stage] for record in records if stage in record.cost]
    spent = sum(record.timings.get(stage, 0.0) for record in records)
    return stage, _minutes(spent), f"{sum(cost) / len(cost):.1f} s", f"{max(cost):.1f} s"


def _minutes(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
