"""Why a run would make a stage anew: artifact after artifact hit or miss, and what differs from the nearest one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.errors import UserError
from experiments.records.folder import find_outdated, find_record
from experiments.store import Artifact
from experiments.store.lookup import Neighbour, NotMade, nearest
from experiments.studies.standing import Standing
from experiments.versions import STAGES

FIELDS = 8
"""Differing fields that are shown."""
LONGEST = 60
"""Characters of a value that are shown."""


def chosen_run(rows: Sequence[Standing], name: str) -> Standing:
    """The run whose name begins with `name`. Raises UserError where there is none, or more than one."""
    found = {row.run_id: row for row in rows if row.run_id.startswith(name)}
    if len(found) != 1 or not name:
        known = ", ".join(dict.fromkeys(row.run_id for row in rows if row.run_id))
        many = f"{len(found)} runs begin so" if found else "the study has no such run"
        raise UserError(f"--why {name}: {many}: name one of {known}")
    return next(iter(found.values()))


def why_lines(row: Standing) -> Iterator[str]:
    """Lines to print. Raises UserError for a run that waits, or whose data are not there."""
    from experiments.pipeline import look_up

    assert row.run is not None
    yield f"run {row.run_id}  {row.cell.title}: {row.state}" + (f" ({row.cause})" if row.cause else "")
    yield from _record_lines(row)
    found, missing = look_up(row.run.config, row.run.execution)
    for name, artifact in found.items():
        yield f"  hit   {name:<28} {artifact.key}  {_made(artifact)}"
    if missing is None:
        yield "  every artifact is in the store"
        return
    yield f"  miss  {missing.stage:<28} {missing.key}"
    yield from (f"        {line}" for line in _reasons(missing, nearest(row.run.execution.store, *_of(missing))))
    yield "  what comes after it is not looked at: its inputs are not there"


def _record_lines(row: Standing) -> Iterator[str]:
    assert row.run is not None
    roots = row.run.execution.record_roots
    if find_record(roots, row.run_id) is not None:
        yield "  its record is there, so that nothing is made; what its artifacts would be:"
    elif (outdated := find_outdated(roots, row.run_id)) is not None:
        for stage in STAGES:
            had = outdated[1].versions.get(stage.name, 1)
            if stage.name in outdated[1].stages and had < stage.version:
                yield f"  {stage.name}: its numbers had version {had} in the record, and have {stage.version} now"


def _made(artifact: Artifact) -> str:
    return f"made in {artifact.seconds:.1f} s"


def _of(missing: NotMade) -> tuple[str, dict[str, object]]:
    return missing.stage, dict(missing.payload)


def _reasons(missing: NotMade, neighbour: Neighbour | None) -> Iterator[str]:
    if missing.damage:
        yield f"it is there and does not count: {missing.damage}"
        return
    if neighbour is None:
        yield "the store holds no artifact of this stage"
        return
    count = len(neighbour.fields)
    yield f"nearest is {neighbour.key}, which differs in {count} field{'' if count == 1 else 's'}:"
    for name, there, asked in neighbour.fields[:FIELDS]:
        yield f"  {name}: {_short(there)} there, {_short(asked)} asked for"
    if count > FIELDS:
        yield f"  and {count - FIELDS} more"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
