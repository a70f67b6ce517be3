"""What a study declares before its first run: arms, blocks, seeds, contrasts, what is chosen on dev.

One schema, read from conf/study/ when a study starts and from plan.json when its page is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from experiments.studies.consistency import NAME, check


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class ArmRun(_Declared):
    """One run of another arm. block, seed: None = the own ones."""

    arm: str
    block: str | None = None
    seed: Annotated[int, Field(ge=0)] | None = None


def _arm_run(value: Any) -> Any:
    return {"arm": value} if isinstance(value, str) else value


OtherRun = Annotated[ArmRun | None, BeforeValidator(_arm_run)]


class Arm(_Declared):
    """Override strings; `rows_of` names arms whose kept rows it is restricted to (mining.common_with).

    teacher_of: its teacher is the student that a run of another arm has trained (teacher=checkpoint). student_of: its
    student starts from there (student=checkpoint).
    """

    overrides: tuple[str, ...]
    rows_of: tuple[str, ...] = ()
    teacher_of: OtherRun = None
    student_of: OtherRun = None

    @property
    def stages(self) -> dict[str, ArmRun]:
        """Group of the config -> the run whose student it is."""
        both = {"teacher": self.teacher_of, "student": self.student_of}
        return {group: run for group, run in both.items() if run is not None}

    @property
    def settings(self) -> tuple[str, ...]:
        """Its overrides after the choices that `teacher_of` and `student_of` stand for."""
        return (*(f"{group}=checkpoint" for group in self.stages), *self.overrides)

    @model_serializer(mode="wrap")
    def _without_absent_stages(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Plans that were written before there were stages stay as they are."""
        fields: dict[str, Any] = plain(self)
        return {name: value for name, value in fields.items() if value is not None}


def _arm(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return {"overrides": value}
    if isinstance(value, (str, NoneType)) or (isinstance(value, Mapping) and "overrides" not in value):
        raise ValueError("should be a list of overrides such as [miner=random], or {overrides: [...], rows_of: [...]}")
    return value


def _file_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("should be letters, digits, _, -, + and ., since a folder is named by it")
    return value


class Block(_Declared):
    """One setting under which arms are compared. arms, seeds: None = the study's.

    primary_task: the task its contrasts are judged on; "mean" = all of them alike; None = those of the training
    collection.
    """

    overrides: tuple[str, ...] = ()
    arms: tuple[str, ...] | None = None
    seeds: Seeds | None = None
    primary_task: str | None = None


def _blocks(value: Any) -> Any:
    """Write out ``like: NAME``: that block's overrides come first, and its other settings hold where none are given."""
    if not isinstance(value, Mapping):
        raise ValueError("should be a mapping of names to settings, as in {small: {overrides: [...]}}")
    return {name: _written_out(value, name) for name in value}


def _written_out(blocks: Mapping[str, Any], name: str) -> Any:
    block = blocks[name]
    if not isinstance(block, Mapping) or "like" not in block:
        return block
    other = blocks.get(block["like"])
    if not isinstance(other, Mapping) or "like" in other:
        plain = ", ".join(sorted(key for key, item in blocks.items() if "like" not in item))
        raise ValueError(f"block {name!r} is like {block['like']!r}: name a block that is spelled out ({plain})")
    overrides = [*other.get("overrides", ()), *block.get("overrides", ())]
    return {**other, **{key: item for key, item in block.items() if key != "like"}, "overrides": overrides}


class Choose(_Declared):
    """An arm whose value of `key` is chosen on dev queries. paper: the value that wins a tie, by distance."""

    overrides: tuple[str, ...]
    key: str
    values: Annotated[tuple[float | int | str, ...], Field(min_length=1)]
    by: Literal["dev nDCG@10"] = "dev nDCG@10"
    paper: float | None = None
    seeds: Seeds | None = None
    blocks: tuple[str, ...] | None = None

    @property
    def measure(self) -> str:
        """The measure's own name."""
        return self.by.removeprefix("dev ")


class Contrast(_Declared):
    """One comparison of two arms. blocks: None = all, and of an added one those that have both arms."""

    name: str
    arm: str
    baseline: str
    blocks: tuple[str, ...] | None = None


class Expect(_Declared):
    """An order of two arms that is expected before the first run. blocks: None = those that have both arms."""

    higher: str
    lower: str
    blocks: tuple[str, ...] | None = None


class PaperTable(_Declared):
    """The table of the paper that a study reproduces, by the name of a file in results/paper.

    rows: arm of the study -> row of the table, for arms that are not called as in the table.
    """

    table: str
    rows: dict[str, str] = {}


def _paper(value: Any) -> Any:
    return {"table": value} if isinstance(value, str) else value


class Declaration(_Declared):
    """What a study declares before its first run.

    added: contrasts thought of after runs were seen; they stand apart from the family of `contrasts`. limits: lines
    that its page's limits begin with. tables, figures: by the names of analysis' registries, in the order of the page;
    empty = the default set. expects: orders of arms. paper: what its page shows the paper's figures of.
    fitted: settings that suit the collection are computed from it (`studies/fitted.py`) where the command line gives
    none. effort: times the training that a fitted study gives each run.
    """

    name: Annotated[str, AfterValidator(_file_name)]
    question: str = ""
    expectation: str = ""
    cost: str = ""
    baseline: str | None = None
    contrasts: Annotated[tuple[Contrast, ...], Field(max_length=2)] = ()
    added: tuple[Contrast, ...] = ()
    family: Literal["holm"] = "holm"
    margin: Annotated[float | None, Field(gt=0.0)] = None
    views: tuple[str, ...] = ()
    seeds: Seeds = (0,)
    arms: dict[str, Annotated[Arm, BeforeValidator(_arm)]] = {}
    choose: dict[str, Choose] = {}
    blocks: Annotated[dict[str, Block], BeforeValidator(_blocks)] = {"main": Block()}
    limits: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    expects: tuple[Expect, ...] = ()
    paper: Annotated[PaperTable | None, BeforeValidator(_paper)] = None
    fitted: bool = False
    effort: Annotated[float, Field(gt=0.0, le=1000.0)] = 1.0

    @model_validator(mode="after")
    def _fits_together(self) -> Declaration:
        check(self)
        return self

    @property
    def baseline_name(self) -> str:
        """For tables: the baseline, or that there is none (a name that no arm has)."""
        return self.baseline or "no baseline"

    def arms_of(self, block: str) -> list[str]:
        """The arms of a block in the order they run: the declared ones, then the chosen ones."""
        listed = self.blocks[block].arms
        chosen = [name for name, choose in self.choose.items() if choose.blocks is None or block in choose.blocks]
        names = [*self.arms, *chosen]
        return names if listed is None else [name for name in names if name in listed]

    def seeds_of(self, block: str) -> tuple[int, ...]:
        """The seeds of a block."""
        seeds = self.blocks[block].seeds
        return self.seeds if seeds is None else seeds
