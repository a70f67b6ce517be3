"""Methods x thresholds from runs that stopped after mining: yield, known false negatives, hardness."""

from __future__ import annotations

from analysis.formats import DASH, Table, comma_separated, fixed, markdown, percent
from analysis.layouts import Layout, layouts
from analysis.sources import Source, read_record
from analysis.stats import wilson
from experiments.errors import UserError
from experiments.records.schema import RunRecord


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
