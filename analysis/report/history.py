"""When the runs were made, from which commits, and how that relates to the declaration: as far as the records say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from analysis.load import Study
from experiments.records.facts import Provenance
from experiments.records.schema import RunRecord

UNTIMED = "carry no times, so they cannot show whether the declaration came before the first run"


def history_line(study: Study) -> str:
    """One line over the runs of the tables; "" where none has finished."""
    records = [study.runs[run_id].record for run_id in dict.fromkeys(run.run_id for run in study.tables_runs())]
    if not records:
        return ""
    known = [record.provenance for record in records if record.provenance is not None]
    if not known:
        return f"The records of these runs {UNTIMED}.\n"
    untimed = len(records) - len(known)
    rest = f" The records of {untimed} other runs {UNTIMED}." if untimed else ""
    return f"{_times(known, records)} {_commits(known)}{rest}\n"


def _times(known: Sequence[Provenance], records: Sequence[RunRecord]) -> str:
    count = f"{len(known)} of {len(records)} runs" if len(known) < len(records) else f"{len(known)} runs"
    first, last = min(found.started for found in known), max(found.finished for found in known)
    return f"{count}: the first started {first}, the last ended {last}."


def _commits(known: Sequence[Provenance]) -> str:
    counts = Counter(_commit(found) for found in known)
    return f"Source: {', '.join(f'{name} ({count} runs)' for name, count in sorted(counts.items()))}."


def _commit(found: Provenance) -> str:
    changed = ", with local changes" if found.dirty else ""
    return f"commit {found.commit[:12]}{changed}" if found.commit else "no git checkout"
