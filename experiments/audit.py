"""`python -m experiments.audit data=... teacher=...`: what each way of mining would give, before anything is trained.

Every method over a grid of its values, from one ranking: how many rows it keeps, how hard its negatives are, how many
are known to be false; the frontier of hardness against that rate as a figure, some negatives to read, and a
recommendation with its certainty. Nothing is trained, so what a student makes of it is not said.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.entry import check_writable, guarded, shell, tell_on_screen
from experiments.errors import UserError

if TYPE_CHECKING:
    from experiments.command.build import Composed
    from experiments.command.compose import Composer

USAGE = """\
usage: python -m experiments.audit [GROUP=CHOICE | KEY=VALUE] ...

  python -m experiments.audit data=beir data.path=FOLDER                       with the default teacher
  python -m experiments.audit data=beir data.path=FOLDER teacher=bm25 mining.num_negatives=8

The keys are those of `python -m experiments.run` (data, teacher, mining, execution, seed, outputs); the miner is not
set, since every method is laid out. Of queries with several relevant documents one is shown and the others are hidden,
so that mined ones can be counted as known false negatives (data.positives=all: nothing is hidden, none is counted).
"""
DEFAULTS = ("data.positives=one", "data.group_by=auto")
"""What an audit sets where the data has it: some relevant documents are hidden, so that mined ones can be counted."""
READ = 3
"""Queries whose negatives are written out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Lay out, print and write the audit. Exit code 0, or 2 for a mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if any(text in {"-h", "--help"} for text in arguments):
        print(USAGE)
        return 0
    return guarded(lambda: _audit(arguments), interrupted="the same command goes on from the last whole artifact")


def _audit(arguments: Sequence[str]) -> int:
    from experiments.command.answer import print_audit
    from experiments.identity import digest
    from experiments.miners.grid import mine_grid
    from experiments.pipeline import rank_for_audit

    run, outputs = _composed(arguments)
    config = run.config
    folder = outputs / "audit" / f"{config.data.name}-{digest([config.data, config.teacher, config.mining])[:6]}"
    check_writable("outputs", folder)
    tell_on_screen()
    started = time.perf_counter()
    collection, candidates, pools = rank_for_audit(config, run.execution)
    ranked = time.perf_counter()
    found = [(miner, mined) for miner, mined in mine_grid(pools, candidates, config.mining)]
    spent = time.perf_counter() - ranked
    print(
        f"{len(pools[0].rows)} training rows ranked in {ranked - started:.0f} s, {len(found)} methods in {spent:.1f} s"
    )
    print_audit(folder, config, found, collection, read=READ, train=_training(arguments))
    return 0


def _training(arguments: Sequence[str]) -> str:
    """The command that goes on from an audit: the same data, teacher and mining, with students."""
    given = [text for text in arguments if text.partition("=")[0].partition(".")[0] != "seed"]
    return shell(["python", "-m", "experiments.run", "-m", "study=own_data", *given])


def _composed(arguments: Sequence[str]) -> tuple[Composed, Path]:
    """The run whose mining is audited. Raises UserError for a miner, for several values and for a mixture."""
    from experiments.command.compose import Composer
    from experiments.command.overrides import key_of
    from experiments.command.quoting import accept
    from experiments.config import MixtureData, RandomTeacher

    composer, given = Composer(), accept(arguments, many=False)
    for text in given:
        key = key_of(text).partition(".")[0]
        if key in {"miner", "study", "until", "train", "student"} or text.startswith("-"):
            raise UserError(f"{text}: an audit lays out every miner and trains nothing: leave it out")
    _check_one_value(given, composer)
    typed = {key_of(text) for text in given}
    groups = [text for text in given if composer.is_group(key_of(text))]
    defaults = [text for text in DEFAULTS if key_of(text) not in typed and composer.has_key(groups, key_of(text))]
    overrides = [*given, *defaults, "miner=naive_topk", "until=mine"]
    run = composer.run(overrides)
    if isinstance(run.config.data, MixtureData):
        raise UserError("data=mixture: audit one collection at a time, as in data=beir data.name=NAME")
    if isinstance(run.config.teacher, RandomTeacher):
        raise UserError("teacher=random: its scores tell nothing, so there is nothing to lay out: name another teacher")
    return run, Path(str(composer.config(overrides)["outputs"]))


def _check_one_value(given: Sequence[str], composer: Composer) -> None:
    for one in composer.parse(given):
        if one.is_sweep_override():
            raise UserError(f"{one.input_line}: an audit takes one value of each key: run it once for each of them")


if __name__ == "__main__":
    sys.exit(main())
