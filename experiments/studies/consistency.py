"""What a study declares must fit together: names that exist, arms that differ, seeds and values given once."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol


class Declared(Protocol):
    """What is checked of a declaration, which checks itself with this module and so cannot be imported here."""

    @property
    def added(self) -> Sequence[Any]:
        """As declared."""
        ...

    @property
    def arms(self) -> Mapping[str, Any]:
        """As declared."""
        ...

    def arms_of(self, block: str) -> Sequence[Any]:
        """Of one block, in order."""
        ...

    @property
    def baseline(self) -> str | None:
        """As declared."""
        ...

    @property
    def blocks(self) -> Mapping[str, Any]:
        """As declared."""
        ...

    @property
    def choose(self) -> Mapping[str, Any]:
        """As declared."""
        ...

    @property
    def contrasts(self) -> Sequence[Any]:
        """As declared."""
        ...

    @property
    def expects(self) -> Sequence[Any]:
        """As declared."""
        ...

    @property
    def paper(self) -> Any:
        """As declared."""
        ...

    @property
    def seeds(self) -> Sequence[Any]:
        """As declared."""
        ...


NAME = re.compile(r"\w[\w.+-]*")
"""Studies, blocks and arms name files and folders."""

RESERVED = {
    "seed": "set seeds",
    "study": "a study has no other within it",
    "dry_run": "give it on the command line",
    "only": "give it on the command line",
    "outputs": "give it on the command line",
    "run_name": "the command fills it in",
    "position": "the command fills it in",
    "labels": "the command fills it in",
}
"""What arms and blocks may not set, and what to do instead."""


def check(study: Declared) -> None:
    """Raises ValueError with the first thing that does not fit, in one line."""
    for problem in (
        *_bad_names(study),
        *_nothing_to_run(study),
        *_unknown_names(study),
        *_repeated(study),
        *_reserved_keys(study),
        *_contrasts_with_themselves(study),
        *_rows_in_a_circle(study),
        *_stages_not_known_yet(study),
        *_impossible_orders(study),
    ):
        raise ValueError(problem)


def _bad_names(study: Declared) -> Iterator[str]:
    both = sorted({*study.arms} & {*study.choose})
    if both:
        yield f"{both[0]!r} stands under arms and under choose: give one of them another name"
    for what, names in (("arm", [*study.arms, *study.choose]), ("block", [*study.blocks])):
        for name in names:
            if not NAME.fullmatch(name):
                yield f"the {what} name {name!r} should be letters, digits, _, -, + and ., since files are named by it"


def _nothing_to_run(study: Declared) -> Iterator[str]:
    if not study.arms and not study.choose:
        yield "there is no arm: give arms at least one, as in arms: {naive: [miner=naive_topk]}"
    if not study.blocks:
        yield "blocks is empty: leave it out, or give at least one"
    for name in study.blocks:
        if not study.arms_of(name):
            yield f"block {name!r} has no arm: leave its arms out to take all of them"


def _unknown_names(study: Declared) -> Iterator[str]:
    arms, blocks = {*study.arms, *study.choose}, {*study.blocks}
    for where, name in _arm_references(study):
        if name not in arms:
            yield f"{where} names the arm {name!r}, which the study does not have (it has: {', '.join(sorted(arms))})"
    for where, name in _block_references(study):
        if name not in blocks:
            names = ", ".join(sorted(blocks))
            yield f"{where} names the block {name!r}, which the study does not have (it has: {names})"


def _arm_references(study: Declared) -> Iterator[tuple[str, str]]:
    if study.baseline is not None:
        yield "baseline", study.baseline
    for contrast in (*study.contrasts, *study.added):
        yield f"contrast {contrast.name!r}", contrast.arm
        yield f"contrast {contrast.name!r}", contrast.baseline
    for expected in study.expects:
        yield "expects", expected.higher
        yield "expects", expected.lower
    yield from (("paper.rows", name) for name in (study.paper.rows if study.paper else ()))
    for name, arm in study.arms.items():
        yield from ((f"arm {name!r} (rows_of)", other) for other in arm.rows_of)
        yield from ((f"arm {name!r} ({group}_of)", run.arm) for group, run in arm.stages.items())
    for name, block in study.blocks.items():
        yield from ((f"block {name!r}", arm) for arm in block.arms or ())


def _block_references(study: Declared) -> Iterator[tuple[str, str]]:
    for contrast in (*study.contrasts, *study.added):
        yield from ((f"contrast {contrast.name!r}", block) for block in contrast.blocks or ())
    for name, choose in study.choose.items():
        yield from ((f"choose {name!r}", block) for block in choose.blocks or ())
    for expected in study.expects:
        yield from (("expects", block) for block in expected.blocks or ())
    for name, arm in study.arms.items():
        yield from ((f"arm {name!r} ({group}_of)", run.block) for group, run in arm.stages.items() if run.block)


def _repeated(study: Declared) -> Iterator[str]:
    lists: list[tuple[str, Sequence[Hashable] | None]] = [("seeds", study.seeds)]
    lists += [(f"blocks.{name}.seeds", block.seeds) for name, block in study.blocks.items()]
    lists += [(f"choose.{name}.seeds", choose.seeds) for name, choose in study.choose.items()]
    lists += [(f"choose.{name}.values", choose.values) for name, choose in study.choose.items()]
    lists.append(("contrasts", [contrast.name for contrast in (*study.contrasts, *study.added)]))
    for where, values in lists:
        twice = [value for value in dict.fromkeys(values or ()) if values is not None and values.count(value) > 1]
        if twice:
            yield f"{where} holds {twice[0]} more than once: give each once"


def _reserved_keys(study: Declared) -> Iterator[str]:
    lists = [(f"arm {name!r}", arm.overrides) for name, arm in study.arms.items()]
    lists += [(f"arm {name!r}", choose.overrides) for name, choose in study.choose.items()]
    lists += [(f"block {name!r}", block.overrides) for name, block in study.blocks.items()]
    for where, overrides in lists:
        for text in overrides:
            section = text.partition("=")[0].lstrip("+~").partition(".")[0]
            if section in RESERVED:
                yield f"{where} sets {text}: {RESERVED[section]}"


def _contrasts_with_themselves(study: Declared) -> Iterator[str]:
    for contrast in (*study.contrasts, *study.added):
        if contrast.arm == contrast.baseline:
            yield f"contrast {contrast.name!r} compares {contrast.arm!r} with itself: name two arms"


def _rows_in_a_circle(study: Declared) -> Iterator[str]:
    for name in study.arms:
        seen: set[str] = set()
        waiting = [*study.arms[name].rows_of]
        while waiting:
            other = waiting.pop()
            if other == name:
                yield f"arm {name!r} takes its rows_of an arm that takes them of {name!r}: name another"
                return
            if other not in seen and other in study.arms:
                seen.add(other)
                waiting += study.arms[other].rows_of


def _stages_not_known_yet(study: Declared) -> Iterator[str]:
    for name, arm in study.arms.items():
        for group, run in arm.stages.items():
            if run.arm in study.choose:
                yield f"arm {name!r} ({group}_of) names {run.arm!r}, which waits for phase 1: name one under arms"


def _impossible_orders(study: Declared) -> Iterator[str]:
    for block in study.blocks:
        above: dict[str, set[str]] = {}
        for expected in study.expects:
            if block in (expected.blocks or study.blocks):
                above.setdefault(expected.lower, set()).add(expected.higher)
        try:
            TopologicalSorter(above).prepare()
        except CycleError as error:
            yield f"expects in block {block!r} an order that cannot be: {' > '.join(error.args[1])}"
    for expected in study.expects:
        pair = {expected.higher, expected.lower}
        having = [block for block in study.blocks if pair <= {*study.arms_of(block)}]
        lacking = [block for block in expected.blocks or () if block not in having]
        if lacking or not having:
            where = f"block {lacking[0]!r} does not have" if lacking else "no block has"
            yield f"expects {expected.higher!r} above {expected.lower!r}, but {where} both of them"
