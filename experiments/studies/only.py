"""Which runs of a study are run now: those of the arms and blocks that `only` names, or all."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.command.compose import Composer
from experiments.command.mistakes import did_you_mean
from experiments.command.overrides import key_of
from experiments.errors import UserError
from experiments.studies.declaration import Declaration
from experiments.studies.jobs import Job

KEY = "only"


def named(arguments: Sequence[str], composer: Composer, study: Declaration) -> frozenset[str]:
    """The names under `only`; empty = everything. Raises UserError for one that is neither arm nor block."""
    given = composer.config([text for text in arguments if key_of(text) == KEY])[KEY]
    if not isinstance(given, list):
        raise UserError(f"{KEY}={given}: should be a list of arms or blocks, as in {KEY}=[{next(iter(study.arms))}]")
    known = [*study.arms, *study.choose, *study.blocks]
    for name in given:
        if name not in known:
            raise UserError(f"{KEY}: study {study.name} has no arm or block {name!r}{did_you_mean(str(name), known)}")
    return frozenset(given)


def chosen_for_now(jobs: Sequence[Job], names: frozenset[str], study: Declaration) -> list[Job]:
    """The jobs whose arm and whose block are named; where no arm (or no block) is named, any will do."""
    arms, blocks = names & {*study.arms, *study.choose}, names & {*study.blocks}
    return [
        job
        for job in jobs
        if job.cell is None or ((not arms or job.cell.arm in arms) and (not blocks or job.cell.block in blocks))
    ]
