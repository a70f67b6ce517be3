"""How negatives are mined: what all methods share, and which settings go together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from experiments.config.data import DataConfig
from experiments.config.miners import Barred, MinerConfig, TopKCalibrated, TopKShifted, Unranked
from experiments.config.models import RandomTeacher
from experiments.config.teachers import EnsembleTeacher, TeacherConfig
from experiments.config.value import Count, Fraction, Value

Anchor = Literal["own", "min", "max"]
Shortfall = Literal["drop", "fewer", "backfill"]
SameGroup = Literal["keep", "exclude"]

FalseNegatives = Literal["remove", "placebo", "drop_row", "relabel"]
"""What is done about the hidden positives that `reveal` covers.

remove: they are taken out. placebo: as many others of the same ranks are. drop_row: the rows whose negatives hold one
are. relabel: those that the method would choose become shown positives with rows of their own, the others are taken out
(RLHN, Thakur et al. 2025, arXiv 2505.16967).
"""


class CommonWith(Value):
    """One more miner whose kept rows a run is restricted to, under the run's own data and seed.

    The other fields are the settings of MiningConfig that decide which rows are kept; None = the run's own. `any` for
    positive_within says that every shown positive counts, whatever the run's own says.
    """

    teacher: TeacherConfig
    miner: MinerConfig
    reveal: Annotated[Fraction | None, Field(json_schema_extra={"neutral": None})] = None
    num_negatives: Annotated[Count | None, Field(json_schema_extra={"neutral": None})] = None
    depth: Annotated[Count | None, Field(json_schema_extra={"neutral": None})] = None
    anchor: Annotated[Anchor | None, Field(json_schema_extra={"neutral": None})] = None
    shortfall: Annotated[Shortfall | None, Field(json_schema_extra={"neutral": None})] = None
    positive_within: Annotated[Count | Literal["any"] | None, Field(json_schema_extra={"neutral": None})] = None
    false_negatives: Annotated[FalseNegatives | None, Field(json_schema_extra={"neutral": None})] = None
    same_group: Annotated[SameGroup | None, Field(json_schema_extra={"neutral": None})] = None
    exclude_eval_documents: Annotated[bool | None, Field(json_schema_extra={"neutral": None})] = None

    @staticmethod
    def of(source: MiningConfig, own: MiningConfig) -> dict[str, Any]:
        """The fields with which a run of `own` settings lists a miner of `source`: those that differ.

        `reveal` is always written: the names of the runs made before the others could travel depend on it.
        """
        differing = {name for name in TRAVELS if getattr(source, name) != getattr(own, name)} | {"reveal"}
        return {name: _written(name, getattr(source, name)) for name in TRAVELS if name in differing}

    def under(self, own: MiningConfig) -> MiningConfig:
        """The settings under which the listed miner keeps its rows, in a run whose settings are `own`.

        Raises ValueError (pydantic) for settings that no run may have.
        """
        given = {name: getattr(self, name) for name in TRAVELS if getattr(self, name) is not None}
        if given.get("positive_within") == "any":
            given["positive_within"] = None
        return MiningConfig.model_validate(own.rows_only.model_dump() | given)


TRAVELS = tuple(name for name in CommonWith.model_fields if name not in {"teacher", "miner"})
"""The settings of MiningConfig that decide which rows are kept."""


def _written(name: str, value: Any) -> Any:
    return "any" if name == "positive_within" and value is None else value


class MiningConfig(Value):
    """What all methods share (experiments/README.md, Mining, says in which order each is applied)."""

    num_negatives: Count = 4
    depth: Count = 100
    anchor: Anchor = "own"
    selection: Literal["top", "sampled", "top1_sampled"] = "top"
    sample_from: Count = 10
    shortfall: Shortfall = "drop"
    positive_within: Count | None = None
    same_group: Annotated[SameGroup, Field(json_schema_extra={"neutral": "keep"})] = "keep"
    exclude_eval_documents: Annotated[bool, Field(json_schema_extra={"neutral": False})] = False
    reveal: Fraction = 0.0
    false_negatives: Annotated[FalseNegatives, Field(json_schema_extra={"neutral": "remove"})] = "remove"
    common_with: tuple[CommonWith, ...] = ()

    @property
    def rows_only(self) -> MiningConfig:
        """The same settings as far as they decide which rows are kept: these are the same for every selection."""
        return self.model_copy(update={"selection": "top", "sample_from": 10, "common_with": ()})

    @model_validator(mode="after")
    def _sample_fits(self) -> MiningConfig:
        if self.selection != "top" and self.sample_from < self.num_negatives:
            raise ValueError(
                f"sample_from={self.sample_from} is fewer than num_negatives={self.num_negatives}: raise sample_from"
            )
        return self

    @model_validator(mode="after")
    def _something_is_revealed(self) -> MiningConfig:
        if self.false_negatives != "remove" and self.reveal == 0:
            raise ValueError(
                f"false_negatives={self.false_negatives} needs revealed positives, but reveal=0 reveals none: "
                "set reveal, or false_negatives=remove"
            )
        return self

    @model_validator(mode="after")
    def _relabelled_rows_are_its_own(self) -> MiningConfig:
        if self.common_with and "relabel" in (self.false_negatives, *(one.false_negatives for one in self.common_with)):
            raise ValueError(
                "false_negatives=relabel adds training rows that no other miner has, so common_with cannot name "
                "common ones: drop common_with, or set false_negatives=remove"
            )
        return self

    @model_validator(mode="after")
    def _listed_settings_hold(self) -> MiningConfig:
        for listed in self.common_with:
            try:
                check_miner(listed.miner, listed.under(self))
                check_teacher(listed.teacher, listed.miner, listed.under(self))
            except ValidationError as error:
                cause = error.errors(include_url=False)[0]["ctx"]["error"]
                raise ValueError(f"common_with ({listed.miner.kind}): {cause}") from error
            except ValueError as error:
                raise ValueError(f"common_with ({listed.miner.kind}): {error}") from error
        return self


def check_miner(miner: MinerConfig, mining: MiningConfig) -> None:
    """Raise ValueError where the method can keep no row, or has no ranks that a setting needs."""
    unranked = isinstance(miner, Unranked) or mining.shortfall == "backfill"
    if mining.num_negatives > mining.depth and not unranked:
        raise ValueError(
            f"mining.num_negatives={mining.num_negatives} is more than the mining.depth={mining.depth} candidates "
            "that are looked at: raise mining.depth, or set mining.shortfall=backfill"
        )
    wanted = mining.num_negatives if mining.shortfall == "drop" else 1
    if isinstance(miner, TopKShifted) and mining.depth - miner.shift < wanted:
        raise ValueError(
            f"miner.shift={miner.shift} leaves {max(mining.depth - miner.shift, 0)} of the {mining.depth} candidates "
            f"that mining.depth looks at, and a row needs {wanted}: raise mining.depth"
        )
    if isinstance(miner, Unranked) and mining.false_negatives in _NEEDS_RANKS:
        raise ValueError(
            f"mining.false_negatives={mining.false_negatives} {_NEEDS_RANKS[mining.false_negatives]}, and "
            f"miner={miner.kind} ranks nothing: set it to remove"
        )


_NEEDS_RANKS = {"placebo": "matches ranks", "relabel": "relabels what a ranking finds"}
"""false_negatives -> why it is refused where nothing is ranked, or where several teachers rank."""


def check_teacher(teacher: TeacherConfig, miner: MinerConfig, mining: MiningConfig) -> None:
    """Raise ValueError for a bar on random scores, and for settings that an ensemble cannot follow where it ranks."""
    if isinstance(teacher, RandomTeacher) and isinstance(miner, Barred):
        raise ValueError(
            f"miner={miner.kind} rejects candidates by their scores, and under teacher=random, whose scores tell "
            "nothing, that keeps no row: use miner=random, or another teacher"
        )
    if not isinstance(teacher, EnsembleTeacher) or isinstance(miner, Unranked):
        return
    if mining.false_negatives in _NEEDS_RANKS:
        raise ValueError(
            f"mining.false_negatives={mining.false_negatives} {_NEEDS_RANKS[mining.false_negatives]}, and an ensemble "
            "ranks by several teachers: set it to remove or drop_row, or name one teacher"
        )
    if teacher.combine != "intra_sample":
        return
    if mining.selection != "top":
        raise ValueError(
            f"mining.selection={mining.selection} draws among one teacher's survivors, and "
            "teacher.combine=intra_sample takes the best one of each: use mining.selection=top, or "
            "teacher.combine=cross_sample"
        )
    if mining.num_negatives != len(teacher.members):
        raise ValueError(
            f"mining.num_negatives={mining.num_negatives}: teacher.combine=intra_sample takes one negative of each of "
            f"its {len(teacher.members)} members: set mining.num_negatives={len(teacher.members)}"
        )


def check_hidden(data: DataConfig, miner: MinerConfig, mining: MiningConfig) -> None:
    """Raise ValueError where hidden positives are revealed or learned from though the data hides none."""
    shares = [mining.reveal, *(listed.under(mining).reveal for listed in mining.common_with)]
    if data.positives == "all" and max(shares) > 0:
        raise ValueError(
            f"mining.reveal={max(shares)} takes out hidden positives, but data.positives=all hides none: "
            "set data.positives=one, or mining.reveal=0"
        )
    calibrated = any(
        isinstance(one, TopKCalibrated) for one in (miner, *(listed.miner for listed in mining.common_with))
    )
    if data.positives == "all" and calibrated:
        raise ValueError(
            "miner=topk_calibrated learns from hidden positives, but data.positives=all hides none: set "
            "data.positives=one, or use another miner"
        )
