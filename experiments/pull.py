"""`python -m experiments.pull ENTITY/PROJECT`: take the records that runs elsewhere have logged to W&B into the store.

Each record is checked against its digests and the schema before it counts. What the store has stays: a record is added,
or takes the place of an outdated one, and one that differs from the store's own is refused. The runs then count as done
here, so that the study's own command prints its table and goes on with what is missing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from experiments.entry import Parser, check_writable, guarded
from experiments.errors import UserError
from experiments.execution import STORE
from experiments.files import StorageError
from experiments.records.merge import merge_record
from experiments.tracking.remote import Logged, kept_offline, on_server


@dataclass
class Pulled:
    """What became of the runs that were found, by run_id. without: those that have left no record, with their state."""

    taken: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=set)
    without: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Pull. Exit code 0, 1 where a record was refused, 2 for a mistake."""
    return guarded(lambda: _command(argv), interrupted="the same command goes on with what is missing")


def _command(argv: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m experiments.pull", description=__doc__)
    parser.add_argument("project", nargs="?", metavar="ENTITY/PROJECT", help="whose runs are asked for")
    parser.add_argument("--group", metavar="STUDY", help="only the runs of this study or search")
    parser.add_argument("--offline", type=Path, metavar="DIR", help="runs kept offline below this folder, no server")
    parser.add_argument("--store", type=Path, default=STORE, help="default: outputs/store")
    parser.add_argument("--base-url", help="a server of your own; default: WANDB_BASE_URL, else W&B's")
    given = parser.parse_args(argv)
    if (given.project is None) == (given.offline is None):
        raise UserError("give either ENTITY/PROJECT or --offline DIR")
    check_writable("--store", given.store)
    with tempfile.TemporaryDirectory(prefix="pull-") as scratch:
        if given.offline is not None:
            found = kept_offline(given.offline, group=given.group)
        else:
            found = on_server(given.project, group=given.group, into=Path(scratch), base_url=given.base_url)
        pulled = pull(found, given.store)
    _tell(pulled, what=given.project or str(given.offline), group=given.group, store=given.store)
    return 1 if pulled.refused else 0


def pull(found: Iterable[Logged], store: Path) -> Pulled:
    """Take what was found into the store, run by run. Raises StorageError where the disk takes no more."""
    pulled = Pulled()
    for run in found:
        if run.root is None:
            pulled.without[run.id] = run.state
            continue
        for path in sorted(run.root.glob("records/*/*.json")):
            try:
                taken = merge_record(path, source=run.root, target=store)
            except StorageError:
                raise
            except UserError as error:
                reason = str(error).replace(f"{run.root}/", "")
                pulled.refused.append(f"the record of run {run.id}: {reason}")
                continue
            (pulled.taken if taken else pulled.there).add(path.parent.name)
    return pulled


def _tell(pulled: Pulled, *, what: str, group: str | None, store: Path) -> None:
    where = what if group is None else f"{what}, group {group}"
    print(
        f"{where}: {len(pulled.taken)} records taken to {store}, {len(pulled.there - pulled.taken)} were there already"
    )
    without = {run: state for run, state in pulled.without.items() if run not in pulled.taken | pulled.there}
    if without:
        states = [f"{list(without.values()).count(state)} {state}" for state in sorted(set(without.values()))]
        print(f"  {len(without)} runs without a record ({', '.join(states)})")
    for line in pulled.refused:
        print(f"  refused: {line}")


if __name__ == "__main__":
    sys.exit(main())
