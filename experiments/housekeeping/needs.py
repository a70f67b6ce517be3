"""Which artifacts are needed, and by whom: published records, the runs of known studies, and what they have yet to run.

Keys are digests over stage and payload, so that a key alone names an artifact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import UserError
from experiments.records.folder import find_records
from experiments.searching.trials import SearchFile, read_search
from experiments.studies.plan import Plan, plan_path, read_plan
from experiments.studies.standing import Standing, standings

PUBLISHED = "published records"


@dataclass(frozen=True)
class Needs:
    """by: study (or PUBLISHED) -> the keys that it needs. unknown: study -> why it is not known what it needs."""

    by: Mapping[str, frozenset[str]]
    unknown: Mapping[str, str]

    @property
    def keys(self) -> frozenset[str]:
        """All that is needed."""
        return frozenset().union(*self.by.values())


def read_needs(store: Path, results: Path | None, *, forget: Collection[str] = ()) -> Needs:
    """What the studies that have a plan in the store or among the published results need, less those to forget.

    What a run has used stands in its record; what one that has none would reuse is looked up as it would run, for the
    studies that are under way in this store.
    """
    by: dict[str, frozenset[str]] = {}
    unknown: dict[str, str] = {}
    roots = (store,) if results is None else (store, results)
    searches = {name: tried for name, tried in known_searches(store).items() if name not in forget}
    for name, plan in known_plans(store, results).items():
        if name in forget:
            continue
        used = {key for run in plan.runs for key in _of_records(roots, run.run_id)}
        # A study that was only ever published is not under way here, and a search asks for its runs one by one.
        if plan_path(store, name).is_file() and name not in searches:
            try:
                used |= set(_of_open_runs(name, store, results))
            except UserError as error:
                unknown[name] = " ".join(str(error).split())
        by[name] = frozenset(used)
    for name, tried in searches.items():
        trials = frozenset(key for trial in tried.trials if trial.run_id for key in _of_records(roots, trial.run_id))
        by[name] = by.get(name, frozenset()) | trials
        if not plan_path(store, name).is_file():
            unknown[name] = "a search that has not ended may ask for any run"
    by[PUBLISHED] = frozenset(_of_published(results)) if results is not None else frozenset()
    return Needs(by, unknown)


def known_plans(store: Path, results: Path | None) -> dict[str, Plan]:
    """Study -> its plan: the store's, else the published one."""
    published = sorted(results.glob("*/plan.json")) if results is not None else []
    paths = [*published, *sorted(store.glob("studies/*/plan.json"))]
    return {path.parent.name: read_plan(path) for path in paths}


def known_searches(store: Path) -> dict[str, SearchFile]:
    """Search -> its trials."""
    found = {path.parent.name: read_search(path.parent) for path in sorted(store.glob("studies/*/search.json"))}
    return {name: tried for name, tried in found.items() if tried is not None}


def _of_records(roots: Sequence[Path], run_id: str) -> Iterator[str]:
    for _, record in find_records(roots, run_id):
        yield from record.artifacts.values()


def _of_published(results: Path) -> Iterator[str]:
    for folder in sorted(results.glob("records/*")):
        yield from _of_records((results,), folder.name)


def _of_open_runs(study: str, store: Path, results: Path | None) -> Iterator[str]:
    """What the runs without a record would reuse, and the key of the first artifact that each would make."""
    settings = [f"execution.store={store}", f"execution.results={'null' if results is None else results}"]
    for row in standings(study, settings):
        if row.state != "done" and row.run is not None:
            yield from _looked_up(row)


def _looked_up(row: Standing) -> Iterator[str]:
    from experiments.pipeline import look_up

    assert row.run is not None
    found, missing = look_up(row.run.config, row.run.execution)
    yield from (artifact.key for artifact in found.values())
    if missing is not None:
        yield missing.key
