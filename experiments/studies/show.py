"""What a sweep prints: the plan, each run and whether it is done, what was chosen on dev."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from experiments.command.compose import Composer
from experiments.command.memory import memory_lines
from experiments.studies.fitted import lines
from experiments.studies.jobs import Job, is_done
from experiments.studies.planner import StudyPlanner


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def dry_run(arguments: Sequence[str], composer: Composer) -> bool:
    """Whether the command line asks for the plan only."""
    return composer.config([text for text in arguments if text.startswith("dry_run=")])["dry_run"] is True


def summary(jobs: Sequence[Job]) -> str:
    """`12 runs, 3 already done`."""
    runs = {job.composed.run_id: job.composed for job in jobs}
    done = sum(is_done(run) for run in runs.values())
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'}, {done} already done"


def show(jobs: Iterable[Job]) -> None:
    """One line per run."""
    for job in jobs:
        state = "done" if is_done(job.composed) else "to run"
        say(f"  {job.composed.run_id}  {state:6}  {job.title}")


def show_memory(jobs: Iterable[Job]) -> None:
    """What fine-tuning needs by arithmetic, once for each student and way to train it."""
    for line in memory_lines(job.composed for job in jobs):
        say(f"  {line}")


def show_study(planner: StudyPlanner, first: Sequence[Job], second: Sequence[Job]) -> None:
    """Print the study's question, blocks, arms and seeds, and how many of its runs are done."""
    study = planner.study
    say(f"study {study.name}: {study.question}")
    say(f"  blocks  {', '.join(study.blocks)}")
    say(f"  arms    {', '.join([*study.arms, *study.choose])}")
    if planner.other is not None:
        say(f"  data    {planner.other.line}")
    say(f"  seeds   {', '.join(map(str, study.seeds))}")
    show_fitted(planner, [*first, *second])
    waiting = [cell for cell in planner.cells() if cell.waits]
    later = f", and {len(waiting)} more that wait for phase 1" if waiting else ""
    if first:
        say(f"  phase 1 {summary(first)} (dev queries only)")
        say(f"  phase 2 {summary(second)}{later}")
        say_chosen(planner)
    else:
        say(f"  runs    {summary(second)}")


def show_fitted(planner: StudyPlanner, jobs: Sequence[Job]) -> None:
    """Print what was measured of the collection, the settings that follow, and how long the runs to do will take."""
    if planner.sampled is None:
        return
    from experiments.studies.probe import estimate

    for line in lines(planner.sampled.measured, planner.fitted):
        say(f"  {line}")
    todo = [job.composed for job in jobs if not is_done(job.composed)]
    if time := estimate(todo, planner.sampled):
        say(f"  time      {time}")


def say_chosen(planner: StudyPlanner) -> None:
    """Print the value that each arm under `choose` has, or that it is chosen later."""
    for (block, arm), chosen in planner.chosen.items():
        value = "chosen after phase 1" if chosen.value is None else f"{chosen.value}, chosen by {chosen.by}"
        say(f"  {block} / {arm}: {chosen.key} = {value}")


def show_runs(planner: StudyPlanner, first: Sequence[Job], second: Sequence[Job]) -> None:
    """Print every run of both phases, done or not."""
    if first:
        say("phase 1")
        show(first)
        say("phase 2")
    jobs = {job.cell: job for job in second}
    for cell in planner.cells():
        if cell in jobs:
            show([jobs[cell]])
        else:
            say(f"  {'-' * 16}  waits   {cell.title}  (needs {', '.join(cell.waits)}: chosen after phase 1)")
