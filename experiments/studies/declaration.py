"""What a study declares before its first run: arms, blocks, seeds, contrasts, what is chosen on dev.

One schema, read from conf/study/ when a study starts and from plan.json when its page is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Arm(_Declared):
    """Override strings; `rows_of` names arms whose kept rows it is restricted to (mining.common_with)."""

    overrides: tuple[str, ...]
    rows_of: tuple[str, ...] = ()


def _arm(value: Any) -> Any:
    return {"overrides": value} if isinstance(value, (list, tuple)) else value


class Block(_Declared):
    """One setting under which arms are compared. arms, seeds: None = the study's.

    primary_task: the task its contrasts are judged on; None = the first.
    """

    overrides: tuple[str, ...] = ()
    arms: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    primary_task: str | None = None


def _blocks(value: Any) -> Any:
    """Write out ``like: NAME``: that block's overrides come first, and its other settings hold where none are given."""
    if not isinstance(value, Mapping):
        return value
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
    seeds: tuple[int, ...] | None = None
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


class Declaration(_Declared):
    """What a study declares before its first run.

    added: contrasts thought of after runs were seen; they stand apart from the family of `contrasts`. limits: lines
    that its page's limits begin with. tables, figures: by the names of analysis' registries, in the order of the page;
    empty = the default set.
    """

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    question: str = ""
    expectation: str = ""
    cost: str = ""
    baseline: str | None = None
    contrasts: Annotated[tuple[Contrast, ...], Field(max_length=2)] = ()
    added: tuple[Contrast, ...] = ()
    family: Literal["holm"] = "holm"
    margin: float | None = None
    views: tuple[str, ...] = ()
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    arms: dict[str, Annotated[Arm, BeforeValidator(_arm)]]
    choose: dict[str, Choose] = {}
    blocks: Annotated[dict[str, Block], BeforeValidator(_blocks)] = {"main": Block()}
    limits: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> Declaration:
        both = sorted({*self.arms} & {*self.choose})
        if both:
            raise ValueError(f"{both[0]!r} stands under arms and under choose: give one of them another name")
        arms, blocks = {*self.arms, *self.choose}, {*self.blocks}
        for where, name in self._arm_references():
            _known(name, arms, f"{where} names the arm")
        for where, name in self._block_references():
            _known(name, blocks, f"{where} names the block")
        return self

    def _arm_references(self) -> Iterator[tuple[str, str]]:
        if self.baseline is not None:
            yield "baseline", self.baseline
        for contrast in (*self.contrasts, *self.added):
            yield f"contrast {contrast.name!r}", contrast.arm
            yield f"contrast {contrast.name!r}", contrast.baseline
        for name, arm in self.arms.items():
            yield from ((f"arm {name!r} (rows_of)", other) for other in arm.rows_of)
        for name, block in self.blocks.items():
            yield from ((f"block {name!r}", arm) for arm in block.arms or ())

    def _block_references(self) -> Iterator[tuple[str, str]]:
        for contrast in (*self.contrasts, *self.added):
            yield from ((f"contrast {contrast.name!r}", block) for block in contrast.blocks or ())
        for name, choose in self.choose.items():
            yield from ((f"choose {name!r}", block) for block in choose.blocks or ())

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


def _known(name: str, names: set[str], what: str) -> None:
    if name not in names:
        raise ValueError(f"{what} {name!r}, which the study does not have (it has: {', '.join(sorted(names))})")
