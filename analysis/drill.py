"""The page of a drill: what became of a sweep that was interrupted in every way there is (`make drill`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict

from analysis.formats import Table, markdown
from analysis.sources import Source
from experiments.measured import read_measured

FILE = "drill.json"


class Round(BaseModel):
    """One disturbed sweep, as `python -m tests.drill` tells it.

    ended: exit codes of the disturbed drivers, None = hung. recorded, artifacts: runs and artifacts that were whole
    then. resumed: trainings that went on from a checkpoint. damaged: artifacts whose bytes were flipped. faults: what
    was not as it should be. seconds: all in all; again: of the command that was run to its end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    kind: str
    moment: str
    ended: tuple[int | None, ...]
    recorded: int
    artifacts: int
    resumed: int
    damaged: int
    faults: tuple[str, ...]
    seconds: float
    again: float


class Drill(BaseModel):
    """A drill: its seed, the undisturbed sweep (runs, artifacts, seconds), how the disk was filled, its rounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    runs: int
    artifacts: int
    undisturbed_seconds: float
    full_disk: str
    rounds: tuple[Round, ...]


def drill_pages(source: Source) -> dict[Path, bytes]:
    """README.md of the drill, where there is one, and what it should hold."""
    path = source.root / "drill" / FILE
    return {path.with_name("README.md"): drill_page(read_drill(path)).encode()} if path.is_file() else {}


def read_drill(path: Path) -> Drill:
    """A drill's figures. Raises UserError for a file of another form."""
    return read_measured(path, Drill, command="make drill")


def drill_page(drill: Drill) -> str:
    """The drill as Markdown: a row for each kind of disturbance, then every fault."""
    faulty = [one for one in drill.rounds if one.faults]
    faults = [f"- round {one.number} ({one.kind}, {one.moment}): {'; '.join(one.faults)}" for one in faulty]
    return "\n".join(
        [
            "# Interruptions",
            "",
            f"A sweep of {drill.runs} runs ({drill.artifacts} artifacts, {drill.undisturbed_seconds:.0f} s when "
            f"nothing happens to it) was disturbed {len(drill.rounds)} times, each time in a store of its own and at a "
            f"moment drawn by seed {drill.seed}; then the same command was run to its end. Disk full: "
            f"{drill.full_disk}. Flipped bytes: SIGKILL, then a bit of up to three files of whole artifacts. After "
            "every round the records must equal the undisturbed sweep's but for times, nothing may be made again that "
            "was whole, and no scratch, failure note or held lock may be left.",
            "",
            markdown(_table(drill)),
            "",
            f"{len(drill.rounds) - len(faulty)} of {len(drill.rounds)} rounds left what the undisturbed sweep left.",
            *([] if not faults else ["", *faults]),
            "",
            "`make drill` runs it again. Seconds are medians, on a machine that did other work as well.",
            "",
        ]
    )


def _table(drill: Drill) -> Table:
    header = (
        "disturbed by",
        "rounds",
        "drivers ended with",
        "runs recorded then",
        "artifacts whole then",
        "trainings resumed",
        "artifacts damaged",
        "faults",
        "s to the end",
    )
    kinds = dict.fromkeys(one.kind for one in drill.rounds)
    rows = [_row(kind, [one for one in drill.rounds if one.kind == kind]) for kind in kinds]
    return Table(header, (*rows, _row("all", drill.rounds)), left=1)


def _row(kind: str, rounds: Sequence[Round]) -> tuple[str, ...]:
    ended = Counter("hung" if code is None else str(code) for one in rounds for code in one.ended)
    recorded, whole = [one.recorded for one in rounds], [one.artifacts for one in rounds]
    return (
        kind,
        str(len(rounds)),
        ", ".join(f"{code} ({count})" for code, count in sorted(ended.items())),
        _range(recorded),
        _range(whole),
        str(sum(one.resumed for one in rounds)),
        str(sum(one.damaged for one in rounds)),
        str(sum(len(one.faults) for one in rounds)),
        f"{median(one.again for one in rounds):.0f}",
    )


def _range(values: Sequence[int]) -> str:
    return f"{min(values)} to {max(values)}"
