"""A plain sweep as a plan: its runs as arms named by what is swept, pooled over seeds, so that it has a table too."""

from __future__ import annotations

import re
from collections.abc import Sequence

from experiments.command.compose import Composer
from experiments.command.overrides import key_of
from experiments.command.quoting import typed
from experiments.config import RunConfig
from experiments.identity import digest
from experiments.studies.cells import Cell
from experiments.studies.declaration import Arm, Block, Declaration
from experiments.studies.given import naming
from experiments.studies.jobs import Job

SAME_TASKS = {"data.train_queries", "data.positives", "data.mining_corpus"}
"""Keys of data that leave the test queries as they are, so that runs which differ in them can be compared."""


def plain_cells(jobs: Sequence[Job]) -> list[tuple[Cell, str]]:
    """(cell, run_id) of every run of a sweep, in its order."""
    places = [(_name(_of(job, tasks=True)) or "main", _name(_of(job, tasks=False)) or "run") for job in jobs]
    seen: dict[tuple[str, str, int], str] = {}
    cells = []
    for job, (block, name) in zip(jobs, places, strict=True):
        seed, run_id = job.composed.config.seed, job.composed.run_id
        # Two values may be written alike once only letters and digits are left.
        alike = seen.setdefault((block, name, seed), run_id) != run_id
        arm = f"{name}-{run_id[:6]}" if alike else name
        cells.append((Cell(block, arm, seed, 2, tuple(_of(job, tasks=False))), run_id))
    return cells


def plain_study(cells: Sequence[tuple[Cell, str]]) -> Declaration:
    """What such a sweep would declare as a study: the first run is the baseline, no contrast is."""
    arms: dict[str, Arm] = {}
    blocks: dict[str, list[str]] = {}
    for cell, _ in cells:
        arms.setdefault(cell.arm, Arm(overrides=cell.overrides))
        blocks.setdefault(cell.block, []).append(cell.arm)
    return Declaration(
        name=f"sweep-{digest(sorted(run_id for _, run_id in cells))[:8]}",
        question="A sweep from the command line; nothing was declared before it, and its first run is the baseline.",
        baseline=cells[0][0].arm,
        seeds=tuple(dict.fromkeys(cell.seed for cell, _ in cells)),
        arms=arms,
        blocks={name: Block(arms=tuple(dict.fromkeys(names))) for name, names in blocks.items()},
    )


def lengths_note(configs: Sequence[RunConfig]) -> str:
    """What is to know before several students are measured at their own limits; "" where there is nothing."""
    measured = [config for config in configs if config.until == "evaluate"]
    students = {digest(config.student) for config in measured}
    free = {None} & {n for c in measured for n in (c.evaluation.query_length, c.evaluation.passage_length)}
    if len(students) < 2 or not free:
        return ""
    return (
        "note: each student reads as much of a text as its own model can; where that differs there is no table: "
        "evaluation.query_length=64 evaluation.passage_length=256 would give all of them one"
    )


def plain_command(composer: Composer, arguments: Sequence[str]) -> tuple[str, ...]:
    """The command line that lays the sweep out again."""
    return tuple(map(typed, naming(composer, arguments)))


def _of(job: Job, *, tasks: bool) -> list[str]:
    """What is swept of a run, seed left out: what decides the test queries, or the rest."""
    return [text for text in job.swept if key_of(text) != "seed" and _decides_tasks(key_of(text)) == tasks]


def _decides_tasks(key: str) -> bool:
    return key.partition(".")[0] in {"data", "evaluation"} and key not in SAME_TASKS


def _name(texts: Sequence[str]) -> str:
    """`topk_abs_0.6` of ["miner=topk_abs", "miner.threshold=0.6"]; other parameters keep their name."""
    return plain_name("_".join(map(_part, texts)))


def plain_name(text: str) -> str:
    """`text` as a folder may be called: other than letters, digits, _, -, + and . becomes a hyphen."""
    return re.sub(r"[^\w.+-]+", "-", text, flags=re.ASCII).strip("-_.+")


def _part(text: str) -> str:
    key, _, value = text.partition("=")
    named = "." in key and not key.startswith("miner.")
    return f"{key.rpartition('.')[2]}-{value}" if named else value
