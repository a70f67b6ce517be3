"""`python -m experiments.search search=NAME`: a search over settings on dev queries, and what its winner is worth.

The same command, started again, is one more worker or goes on where a search stopped. When there are as many trials as
it may have, the winner and the paper's setting are run with fresh seeds on dev and test queries, and a page is written.

Exit codes: 0 done, 1 a run with a fresh seed failed, 2 a mistake in the command, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.entry import check_writable, guarded
from experiments.errors import UserError

if TYPE_CHECKING:
    from experiments.searching.settings import Setting
    from experiments.searching.worker import Worker

HELP = """\
usage: python -m experiments.search search=NAME [GROUP=CHOICE | KEY=VALUE] ...

  python -m experiments.search search=percpos_threshold dry_run=true     the space, the first trials, the storage
  python -m experiments.search search=percpos_threshold                  run it; the same command again joins or goes on
  python -m experiments.search search=./mine.yaml data=beir data.path=FOLDER search.trials=40

keys: search.trials, search.sampler (tpe, random, grid, cmaes), search.pruner (none, hyperband, halving, median),
  search.storage (a journal file in the store; journal:FILE, sqlite:///FILE, postgresql://USER@HOST/NAME),
  search.seeds, search.name, and every key of a run that the search does not vary (python -m experiments.run --help)
searches: {searches}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if any(text in {"-h", "--help"} for text in arguments):
        return guarded(_help)
    return guarded(lambda: _command(arguments), interrupted="the same command goes on with the trials that are missing")


def _help() -> int:
    from experiments.command.help import CONF

    print(HELP.format(searches=", ".join(sorted(path.stem for path in (CONF / "search").glob("*.yaml")))))
    return 0


def _command(arguments: Sequence[str]) -> int:
    from experiments.command.compose import Composer
    from experiments.command.own_study import take_study
    from experiments.command.quoting import accept
    from experiments.searching.settings import Setting
    from experiments.tracking.sync import say_offline

    for text in arguments:
        if text in {"-m", "--multirun"}:
            raise UserError(f"{text}: a search is many runs by itself: leave it out")
        if "=" not in text and not text.startswith("~"):
            raise UserError(f"{text}: should be KEY=VALUE (python -m experiments.search --help explains)")
    given = accept(take_study(arguments), many=False)
    composer = Composer()
    setting = Setting.make(given, composer)
    config = composer.config(given)
    if config["dry_run"]:
        _show(setting)
        return 0
    code = _search(setting)
    say_offline(config)
    return code


def _search(setting: Setting) -> int:
    from experiments.searching.confirm import confirm, lay_out
    from experiments.searching.log import log_to
    from experiments.searching.results import search_file
    from experiments.searching.trials import write_search
    from experiments.searching.worker import say
    from experiments.store.abandoned import clear_abandoned
    from experiments.store.use import at_work

    check_writable("execution.store", setting.folder)
    with log_to(setting.folder / "logs"), at_work(setting.store, when_alone=clear_abandoned):
        worker = _worker(setting)
        worker.prepare()
        say(f"search {setting.search.name}: {len(worker.counted())} of {setting.search.trials} trials are there")
        try:
            worker.work()
        finally:
            write_search(setting.folder, search_file(setting, worker.study))
        if others := [trial.number for trial in worker.running]:
            listed = ", ".join(map(str, others))
            say(f"trials {listed} still run elsewhere: the worker that ends last goes on from there")
            return 0
        found = search_file(setting, worker.study)
        failed = confirm(lay_out(setting, found))
        return _conclude(setting, failed)


def _conclude(setting: Setting, failed: Sequence[str]) -> int:
    from experiments.command.answer import print_answer
    from experiments.searching.worker import say

    for cause in failed:
        say(f"failed: {cause}")
    execution = setting.baseline.execution
    print_answer(execution.store, execution.results, setting.search.name)
    return 1 if failed else 0


def _worker(setting: Setting) -> Worker:
    import functools

    from experiments.searching.engine import open_storage, open_study
    from experiments.searching.stamps import run_again
    from experiments.searching.worker import Worker

    search = setting.search
    storage = open_storage(
        search.storage,
        default=setting.folder / "journal.log",
        on_lost=functools.partial(run_again, retries=search.retries),
    )
    return Worker(setting, open_study(search, storage, steps=setting.steps))


def _show(setting: Setting) -> None:
    """Print what would be searched."""
    from experiments.searching.engine import hidden
    from experiments.studies.jobs import is_done

    search = setting.search
    print(f"search {search.name}: {search.question}")
    print(f"  objectives  {', '.join(search.objectives)}")
    print(f"  trials      {search.trials}, sampler {search.sampler}, pruner {search.pruner}")
    for parameter in setting.space.parameters:
        print(f"  space       {parameter.name}: {parameter.shown()}")
    for name, settings in search.paper.items():
        run = setting.trial(settings)
        print(f"  paper       {name}: {' '.join(setting.overrides(settings))}  {run.run_id}{_done(is_done(run))}")
    print(f"  fresh seeds {', '.join(map(str, search.seeds))}")
    where = setting.folder / "journal.log" if search.storage is None else hidden(search.storage)
    print(f"  storage     {where}")


def _done(done: bool) -> str:
    return "  done" if done else ""


if __name__ == "__main__":
    sys.exit(main())
