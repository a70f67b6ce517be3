"""What each method and value mined, in figures: from runs that stopped after mining."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.load import FinishedRun, Study
from analysis.mined import Hardness, hardness
from analysis.roles import miner_value
from experiments.config import RunConfig
from experiments.identity import digest
from experiments.records.mining import MiningFacts

ENOUGH = 0.1
"""Share of its rows that a value keeps at least, for its rates to say something of the method."""


@dataclass(frozen=True)
class Layout:
    """One method at one value, pooled over seeds. setting: what must be equal to share a panel.

    rows, kept, mined, known: sums over seeds. hardness: of those among the mined that were ranked; a random document
    that fills a row up was not. together: mined ones cut from the same whole as their positive, None where nothing
    names wholes.
    """

    setting: str
    kind: str
    value: float | None
    seeds: int
    rows: int
    kept: int
    candidates: int
    rejected: int
    mined: int
    known: int
    hardness: Hardness
    together: int | None = None

    @property
    def rate(self) -> float | None:
        """Known false negatives among the mined."""
        return self.known / self.mined if self.mined else None

    @property
    def enough(self) -> bool:
        """Whether it keeps `ENOUGH` of its rows."""
        return self.kept >= ENOUGH * self.rows


def layouts(runs: Iterable[tuple[RunConfig, MiningFacts]]) -> list[Layout]:
    """Group by setting, method and value; sorted."""
    groups: dict[tuple[str, str, float | None], list[MiningFacts]] = {}
    for config, facts in runs:
        groups.setdefault((setting(config), config.miner.kind, miner_value(config)), []).append(facts)
    ordered = sorted(groups, key=lambda key: (key[0], key[1], -1.0 if key[2] is None else key[2]))
    return [_layout(*key, groups[key]) for key in ordered]


def setting(config: RunConfig) -> str:
    """Collection, teacher and the shared mining values that differ from their defaults, and a digest of all of it."""
    shared = config.mining.model_dump(mode="json", exclude_defaults=True)
    shared.pop("common_with", None)
    named = ", ".join(f"{key} {value}" for key, value in sorted(shared.items()))
    view = ", common rows" if config.mining.common_with else ""
    name = f"{config.data.name}, teacher {config.teacher.name}{', ' + named if named else ''}{view}"
    return f"{name} ({digest([config.data, config.teacher, config.mining])[:6]})"


def _layout(named: str, kind: str, value: float | None, facts: list[MiningFacts]) -> Layout:
    return Layout(
        setting=named,
        kind=kind,
        value=value,
        seeds=len(facts),
        rows=sum(f.rows for f in facts),
        kept=sum(f.kept for f in facts),
        candidates=sum(f.candidates for f in facts),
        rejected=sum(f.rejected for f in facts),
        mined=sum(f.mined for f in facts),
        known=sum(f.known_false for f in facts),
        hardness=hardness(facts),
        together=sum(f.same_group or 0 for f in facts) if any(f.same_group is not None for f in facts) else None,
    )


def mined_runs(runs: Iterable[FinishedRun]) -> list[Layout]:
    """Layouts of those among a study's runs that stopped after mining."""
    unique = {run.record.run_id: run for run in runs if run.config.until == "mine"}
    return layouts((run.config, run.record.mining) for run in unique.values() if run.record.mining is not None)


def mined_layouts(study: Study, block: str) -> list[Layout]:
    """Of the block's runs that stopped after mining; empty for any other block."""
    return mined_runs(run for arm in study.plan.arms(block) for run in study.cell(block, arm).values())
