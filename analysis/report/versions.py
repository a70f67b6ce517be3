"""Which versions of the stages the figures come from: a mixture, and what is older than this source, is said first."""

from __future__ import annotations

from collections import Counter

from analysis.load import Study
from experiments.records.folder import is_outdated
from experiments.versions import STAGES


def versions_section(study: Study) -> str:
    """Lines for the top of the page; "" where every run has the versions that this source has."""
    records = [study.runs[run_id].record for run_id in dict.fromkeys(run.run_id for run in study.tables_runs())]
    outdated = sum(map(is_outdated, records))
    lines = []
    for stage in STAGES:
        found = Counter(record.versions.get(stage.name, 1) for record in records if stage.name in record.stages)
        if set(found) - {stage.version}:
            counts = ", ".join(f"version {version} in {count} runs" for version, count in sorted(found.items()))
            mixed = "**mixed**: " if len(found) > 1 else ""
            lines.append(f"- {stage.name}: {mixed}{counts}; now {stage.version}\n")
    if not lines:
        return ""
    head = (
        f"**{outdated} of {len(records)} runs are outdated**: a stage's numbers have changed their meaning since. "
        f"`python -m experiments.run -m study={study.name}` takes over what would be the same and runs the rest."
        if outdated
        else "**Not made by the versions of this source:**"
    )
    return f"{head}\n\n{''.join(lines)}"
