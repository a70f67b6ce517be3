"""What the winner is worth: it and the paper's setting are run again with fresh seeds, on dev and on test queries."""

from __future__ import annotations

import time
from collections.abc import Sequence

from experiments import pipeline
from experiments.command.build import Composed
from experiments.command.job import RunResult, header, result_line
from experiments.errors import UserError
from experiments.searching.declaration import Search, Settings
from experiments.searching.settings import CONFIRM, Setting
from experiments.searching.trials import SearchFile, TrialLine
from experiments.searching.worker import say
from experiments.studies.cells import Cell
from experiments.studies.declaration import Arm, Block, Contrast, Declaration
from experiments.studies.plan import plan_path, write_plan

WINNER = "winner"
TABLES = ("winner", "optimism", "trials", "pareto", "importance", "methods", "contrasts", "detail")
FIGURES = ("history", "slices", "pareto", "importance", "methods")


def lay_out(setting: Setting, found: SearchFile) -> list[tuple[Cell, Composed]]:
    """Write the plan of the runs with fresh seeds, and return them, seed by seed.

    The plan lists the whole trials, too, as what was looked at on dev. Raises UserError where no trial of the paper's
    setting is whole.
    """
    if found.baseline is None or found.winner is None:
        raise UserError(_no_baseline(found))
    arms = _arms(found)
    runs = [
        (_cell(setting, arm, line.settings, seed), setting.fresh(line.settings, arm=arm, seed=seed))
        for seed in setting.search.seeds
        for arm, line in arms.items()
    ]
    tried = [(_tried(setting, line), line.run_id) for line in found.whole]
    path = plan_path(setting.store, setting.search.name)
    listed = [*tried, *((cell, run.run_id) for cell, run in runs)]
    path.unlink(missing_ok=True)  # another winner is another comparison
    write_plan(path, _declaration(setting, arms), listed, {}, command=setting.command)
    return runs


def _no_baseline(found: SearchFile) -> str:
    base = found.search.baseline
    causes = [trial.cause for trial in found.trials if trial.paper == base and trial.cause]
    why = f" ({causes[-1]})" if causes else ""
    return (
        f"search {found.search.name}: the trial of the paper's setting {base} is not whole{why}, so there is nothing "
        "to compare a winner with: mend that, then run the search again"
    )


def confirm(runs: Sequence[tuple[Cell, Composed]]) -> list[str]:
    """Run what is not done; return the causes of runs that failed."""
    causes = []
    for number, (cell, run) in enumerate(runs, start=1):
        say(f"[{number}/{len(runs)}] {header(run)}")
        started = time.perf_counter()
        try:
            record = pipeline.run(run.config, run.execution)
            say(result_line(RunResult(run.run_id, record), time.perf_counter() - started))
        except UserError as error:
            causes.append(f"{cell.title}: {error}")
    return causes


def _arms(found: SearchFile) -> dict[str, TrialLine]:
    """The paper's setting and the winner, where that is another."""
    assert found.baseline is not None
    assert found.winner is not None
    won = found.trial(found.winner)
    arms = {found.search.baseline: found.baseline}
    return arms if won.run_id == found.baseline.run_id else {**arms, WINNER: won}


def _cell(setting: Setting, arm: str, settings: Settings, seed: int) -> Cell:
    return Cell(CONFIRM, arm, seed, 2, (*setting.overrides(settings), f"seed={seed}"))


def _tried(setting: Setting, line: TrialLine) -> Cell:
    return Cell(
        CONFIRM, f"trial_{line.number}", setting.baseline.config.seed, 1, tuple(setting.overrides(line.settings))
    )


def _declaration(setting: Setting, arms: dict[str, TrialLine]) -> Declaration:
    search: Search = setting.search
    base = search.baseline
    contrast = Contrast(name=f"{WINNER} minus {base}", arm=WINNER, baseline=base)
    return Declaration(
        name=search.name,
        question=search.question,
        expectation=search.expectation,
        cost=search.cost,
        baseline=base,
        contrasts=(contrast,) if WINNER in arms else (),
        margin=search.margin,
        seeds=search.seeds,
        arms={arm: Arm(overrides=tuple(setting.overrides(line.settings))) for arm, line in arms.items()},
        blocks={CONFIRM: Block()},
        limits=(*search.limits, "The winner was chosen by the search; what it is worth is what the fresh seeds show."),
        tables=TABLES,
        figures=FIGURES,
    )
