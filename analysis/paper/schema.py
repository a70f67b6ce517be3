"""What a file of results/paper holds. Every figure is as printed; what follows from figures is computed elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator


class PaperPart(BaseModel):
    """Frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Origin(PaperPart):
    """Where figures come from. place: table or figure. read: how they were read off, and how sure that is."""

    paper: str
    place: str
    versions: tuple[Literal["v1", "v2"], ...]
    read: str

    @property
    def line(self) -> str:
        """One line for under a table."""
        return f"{self.paper} ({', '.join(self.versions)}), {self.place}; {self.read}."


class _File(PaperPart):
    """What every table or figure has.

    study: the study that reproduces it; None = constants. not_given: what the paper does not say.
    """

    title: str
    source: Origin
    study: str | None
    setting: str
    notes: tuple[str, ...] = ()
    not_given: tuple[str, ...] = ()


class Digits(PaperPart):
    """Decimals that are printed."""

    average: int
    tasks: int


class ScoreRow(PaperPart):
    """nDCG@10 of one row. config: the method's parameter. read: where this row was read otherwise than its table."""

    label: str
    config: str = ""
    read: str = ""
    average: float
    tasks: tuple[float, ...]


class Scores(_File):
    """A table of nDCG@10. rows: by the names of our arms. percent: printed times 100. transposed: rows are columns."""

    kind: Literal["scores"]
    percent: bool = False
    transposed: bool = False
    digits: Digits
    tasks: tuple[str, ...]
    rows: dict[str, ScoreRow]

    @model_validator(mode="after")
    def _whole(self) -> Scores:
        for name, row in self.rows.items():
            if len(row.tasks) != len(self.tasks):
                raise ValueError(f"row {name!r} has {len(row.tasks)} scores for {len(self.tasks)} tasks")
        return self

    @property
    def unit(self) -> float:
        """What a printed 1 is on the scale from 0 to 1."""
        return 0.01 if self.percent else 1.0

    def average(self, row: str) -> float | None:
        """The printed average on the scale from 0 to 1; None for a row that the table does not have."""
        return self.rows[row].average * self.unit if row in self.rows else None

    def difference(self, higher: str, lower: str) -> float | None:
        """Between two printed averages, on the scale from 0 to 1; None where the table lacks a row."""
        first, second = self.average(higher), self.average(lower)
        return None if first is None or second is None else first - second


class Overlap(PaperPart):
    """Jaccard overlap of two teachers' negatives, one value per dataset."""

    first: str
    second: str
    values: tuple[float, ...]


class Overlaps(_File):
    """below: the bound that the text states."""

    kind: Literal["overlaps"]
    datasets: tuple[str, ...]
    digits: int
    below: float
    pairs: tuple[Overlap, ...]


class Optimum(PaperPart):
    """The best value of a method's parameter, as printed. tried: the values that were tried."""

    parameter: str
    best: str
    tried: str = ""


class Optima(_File):
    """Best points of a sweep. scores: the table that prints the score at each of them."""

    kind: Literal["optima"]
    scores: str
    rows: dict[str, Optimum]


class FalseRate(PaperPart):
    """Share of naive negatives judged relevant, and by how much less the filter mines: (naive - filtered) / naive."""

    naive: float
    fewer: float

    @property
    def implied(self) -> float:
        """The share among filtered negatives that the two figures imply."""
        return self.naive * (1.0 - self.fewer)


class FalseNegatives(_File):
    """rows: by dataset."""

    kind: Literal["false_negatives"]
    rows: dict[str, FalseRate]


class Reading(PaperPart):
    """A histogram as read off an image: where it peaks, how high, and where it ends."""

    panel: str
    series: str
    quantity: str
    peak_at: float | None = None
    peak_rows: int | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


class Readings(_File):
    """Approximate by nature."""

    kind: Literal["readings"]
    rows: tuple[Reading, ...]


PaperFile = Annotated[Scores | Overlaps | Optima | FalseNegatives | Readings, Field(discriminator="kind")]
PAPER_FILE: TypeAdapter[PaperFile] = TypeAdapter(PaperFile)


class SameSetting(PaperPart):
    """Cells (table/row) printed for one nominal set-up. compared_with: (table, higher, lower) of differences beside."""

    cells: tuple[str, str]
    said: str
    compared_with: tuple[tuple[str, str, str], ...]


class BestOf(PaperPart):
    """A row that the text calls best on so many tasks."""

    table: str
    row: str
    claimed: int
    caution: str


class SameColumns(PaperPart):
    """Rows of which whole columns are equal to the last digit."""

    table: str
    rows: tuple[str, ...]


class Inconsistencies(PaperPart):
    """averages: the cells (table/row) whose printed average does not follow from its columns."""

    averages: tuple[str, ...]
    same_setting: tuple[SameSetting, ...]
    best_of: tuple[BestOf, ...]
    same_columns: tuple[SameColumns, ...]


class Reproduction(PaperPart):
    """A table or figure, by its file, and the study that reproduces it; None = constants, for which nothing is run.

    also: pages of the results folder that answer its question by other means.
    """

    paper: str
    study: str | None = None
    also: tuple[str, ...] = ()


class Reproductions(PaperPart):
    """scales: the scales that a study may have been run at, in the order of their pages."""

    scales: tuple[str, ...]
    studies: tuple[Reproduction, ...]
