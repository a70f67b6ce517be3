"""Methods x thresholds from runs that stopped after mining: yield, known false negatives, hardness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.figures.roles import miner_value
from analysis.load import FinishedRun
from analysis.sources import Source, read_record
from analysis.stats import wilson
from analysis.tables.formats import DASH, Table, comma_separated, fixed, markdown, percent
from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.identity import digest
from experiments.record import MiningFacts, RunRecord


@dataclass(frozen=True)
class Layout:
    """One method at one value, pooled over seeds. setting: what must be equal to share a panel.

    rows, kept, mined, known: sums over seeds. gap (mean positive score minus negative score), rank: weighted by how
    many of the mined were ranked; a random document that fills a row up has neither.
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
    gap: float | None
    rank: float | None

    @property
    def rate(self) -> float | None:
        """Known false negatives among the mined."""
        return self.known / self.mined if self.mined else None


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
        gap=_weighted([(f.mean_gap, _ranked(f, "gap")) for f in facts]),
        rank=_weighted([(f.mean_rank, _ranked(f, "rank")) for f in facts]),
    )


def _ranked(facts: MiningFacts, of: str) -> int:
    """How many of the mined the mean of `of` is over."""
    return sum(facts.histograms[of].counts) if of in facts.histograms else 0


def _weighted(pairs: list[tuple[float | None, int]]) -> float | None:
    present = [(value, weight) for value, weight in pairs if value is not None and weight]
    return sum(v * w for v, w in present) / sum(w for _, w in present) if present else None


def audit_table(found: list[Layout]) -> Table:
    """One line per method and value."""
    header = (
        "method", "value", "seeds", "rows kept", "yield", "rejected", "mined", "known false negatives [Wilson 95%]",
        "hardness: mean score gap to the positive", "mean rank",
    )  # fmt: skip
    return Table(header, tuple(_cells(layout) for layout in found))


def _cells(layout: Layout) -> tuple[str, ...]:
    return (
        layout.kind,
        DASH if layout.value is None else f"{layout.value:g}",
        str(layout.seeds),
        str(layout.kept),
        percent(layout.kept / layout.rows if layout.rows else None),
        percent(layout.rejected / layout.candidates if layout.candidates else None),
        str(layout.mined),
        _rate(layout),
        fixed(layout.gap, 4),
        fixed(layout.rank, 1),
    )


def _rate(layout: Layout) -> str:
    if not layout.mined:
        return DASH
    low, high = wilson(layout.known, layout.mined)
    return f"{percent(layout.rate)} [{100 * low:.1f}, {100 * high:.1f}]"


def audit_markdown(found: list[Layout]) -> str:
    """A table per setting."""
    settings = dict.fromkeys(layout.setting for layout in found)
    parts = [f"**{name}**\n\n{markdown(audit_table([f for f in found if f.setting == name]))}" for name in settings]
    note = (
        "Known false negatives: mined negatives judged relevant but hidden, a lower bound; pooled over seeds, "
        "the interval as if "
        "they were independent. Hardness: the smaller the gap, the harder the negatives.\n"
    )
    return "\n".join([*parts, note])


def audit_files(source: Source) -> dict[str, bytes]:
    """audit.md, audit.csv and audit.svg. Raises UserError where no record stopped after mining."""
    from analysis.figures.hardness import hardness_figure

    records = [read_record(path) for path in source.all_record_paths()]
    mined = _first_of_each([record for record in records if record.config.get("until") == "mine"])
    if not mined:
        raise UserError(
            f"{source.root}: no record stopped after mining: run `python -m experiments.run -m until=mine "
            "miner=naive_topk,topk_percpos miner.threshold=0.9,0.95`"
        )
    found = layouts((record.run_config(), record.mining) for record in mined if record.mining is not None)
    lines = [(layout.setting, *cells) for layout in found for cells in audit_table([layout]).rows]
    figure = hardness_figure(found)
    files = {
        "audit.md": audit_markdown(found).encode(),
        "audit.csv": comma_separated(("setting", *audit_table(found).header), lines).encode(),
    }
    return files if figure is None else {**files, "audit.svg": figure.svg}


def _first_of_each(records: list[RunRecord]) -> list[RunRecord]:
    return list({record.run_id: record for record in reversed(records)}.values())[::-1]


def mined_runs(runs: Iterable[FinishedRun]) -> list[Layout]:
    """Layouts of those among a study's runs that stopped after mining."""
    unique = {run.record.run_id: run for run in runs if run.config.until == "mine"}
    return layouts((run.config, run.record.mining) for run in unique.values() if run.record.mining is not None)
