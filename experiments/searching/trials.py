"""search.json: what a search declared, every trial of it, and which one won; what its page is made of.

Read and written without Optuna, so that a published search needs no storage.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.errors import UserError
from experiments.files import write_text
from experiments.searching.declaration import Scalar, Search

VERSION = 1
FILE = "search.json"
State = Literal["whole", "pruned", "failed", "lost", "running", "waiting"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialLine(_Part):
    """One trial.

    state: lost = its worker went away, and `again` of a later trial names it. settings: key -> value. parameters: name
    in the space -> value. run_id: "" where its config could not be composed. values: objective -> value, of whole
    trials. reports: step -> dev nDCG@10. steps: of training that were done for it; planned: of a whole training.
    seconds: from its begin to its end. watching: of these, in looking at dev queries. trained: whether it trained a
    student itself; student: whose key ("" where it did not come so far). same_as: the earlier trial that trained the
    same rows, where one did. worker: numbered in the order in which they began. paper: the name of a paper's setting.
    """

    number: int
    state: State
    settings: dict[str, Scalar]
    parameters: dict[str, Scalar]
    run_id: str = ""
    values: dict[str, float] = {}
    reports: dict[int, float] = {}
    steps: int = 0
    planned: int = 0
    seconds: float = 0.0
    watching: float = 0.0
    trained: bool = False
    student: str = ""
    same_as: int | None = None
    cause: str = ""
    worker: int | None = None
    again: int | None = None
    paper: str | None = None


class SearchFile(_Part):
    """A search as far as it has come.

    winner: the number of the trial that won; None while no trial is whole. importance: parameter -> share. override:
    the winner's settings as overrides; line: the same run as arguments of experiments.run. storage: its kind.
    """

    schema_version: int = VERSION
    search: Search
    trials: tuple[TrialLine, ...]
    winner: int | None
    importance: dict[str, float]
    override: tuple[str, ...]
    line: tuple[str, ...]
    storage: str
    optuna: str

    @property
    def whole(self) -> list[TrialLine]:
        """The trials that have values."""
        return [trial for trial in self.trials if trial.state == "whole"]

    @property
    def baseline(self) -> TrialLine | None:
        """The whole trial of the paper's setting that the winner is compared with."""
        return next((trial for trial in self.whole if trial.paper == self.search.baseline), None)

    def trial(self, number: int) -> TrialLine:
        """By its number."""
        (found,) = [trial for trial in self.trials if trial.number == number]
        return found


def search_path(folder: Path) -> Path:
    """Where the search of a study's folder is kept."""
    return folder / FILE


def write_search(folder: Path, found: SearchFile) -> None:
    """Write search.json: equal searches are equal bytes. Keys keep their declared order, which pages follow."""
    plain = found.model_dump(mode="json")
    plain["search"]["storage"] = None  # it may hold a password
    write_text(search_path(folder), json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_search(folder: Path) -> SearchFile | None:
    """The search of a study's folder; None where it holds none. Raises UserError for what is no such file."""
    path = search_path(folder)
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("schema_version") != VERSION:
            raise UserError(f"{path}: not a search of schema {VERSION}: run the search once more to write it again")
        return SearchFile.model_validate(data)
    except (ValueError, ValidationError) as error:
        why = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: cannot be read ({why}): run the search once more to write it again") from error


def front(values: list[dict[str, float]], objectives: tuple[str, ...], higher: dict[str, bool]) -> list[int]:
    """Positions of those that no other beats: at least as good in every objective, and better in one."""
    signed = [[one[name] if higher[name] else -one[name] for name in objectives] for one in values]
    return [
        i
        for i, one in enumerate(signed)
        if not any(all(a >= b for a, b in zip(other, one, strict=True)) and other != one for other in signed)
    ]
