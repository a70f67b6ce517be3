"""`python -m experiments.store du|gc`: what the store holds and who needs it, and the removal of what nothing needs.

Needed is what published records were made from, and what the runs of every study, sweep and search with a plan (in the
store, or published) used or would reuse; of large corpora, which are mapped from the store, those whose file is the
same. gc only tells what it would remove; with --yes it does so, unless a process works in the store. Records, plans
and logs are never touched.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from experiments.entry import Parser, guarded
from experiments.errors import UserError
from experiments.execution import STORE
from experiments.housekeeping.clear import freeable, freeable_lines, remove_all
from experiments.housekeeping.contents import read_contents
from experiments.housekeeping.needs import known_plans, known_searches, read_needs
from experiments.housekeeping.usage import unknown_lines, usage_lines
from experiments.store.use import alone


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 2 for a mistake and for a store that is in use."""
    return guarded(lambda: _command(_parser().parse_args(argv)), interrupted="what is removed is gone, the rest whole")


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments.store", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="du|gc")
    for name, run, what in (("du", _du, "bytes by stage and by study"), ("gc", _gc, "remove what nothing needs")):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--store", type=Path, default=STORE, help="default: outputs/store")
        command.add_argument("--results", type=Path, default=Path("results"), help="published records (results)")
        command.add_argument("--forget", action="append", default=[], metavar="STUDY", help="as if it were not there")
        command.set_defaults(command=run)
    commands.choices["gc"].add_argument("--yes", action="store_true", help="remove it; without, it is only told")
    return parser


def _command(parsed: argparse.Namespace) -> int:
    if not parsed.store.is_dir():
        raise UserError(f"--store {parsed.store}: no such folder")
    for name in parsed.forget:
        known = {**known_plans(parsed.store, parsed.results), **known_searches(parsed.store)}
        if name not in known:
            raise UserError(f"--forget {name}: no such study (there are: {', '.join(known) or 'none'})")
    code: int = parsed.command(parsed)
    return code


def _du(parsed: argparse.Namespace) -> int:
    held, needs = read_contents(parsed.store), read_needs(parsed.store, parsed.results, forget=parsed.forget)
    print("\n".join(usage_lines(held, needs)))
    return 0


def _gc(parsed: argparse.Namespace) -> int:
    with alone(parsed.store) as nobody_else:
        if not nobody_else:
            raise UserError(f"{parsed.store}: a process works there, and may need anything: wait until it has ended")
        needs = read_needs(parsed.store, parsed.results, forget=parsed.forget)
        free = freeable(read_contents(parsed.store), needs)
        print("\n".join([*freeable_lines(free), *unknown_lines(needs)]))
        if needs.unknown:
            print("so no artifact is removed; mend that, or leave the study out with --forget STUDY")
        if parsed.yes:
            remove_all(free)
            print("removed")
        elif free:
            print("nothing was removed: add --yes")
    return 0
