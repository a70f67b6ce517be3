"""Methods x thresholds from runs that stopped after mining: yield, known false negatives, hardness."""

from __future__ import annotations

from analysis.formats import comma_separated
from analysis.layouts import Layout, layouts
from analysis.sources import Source
from analysis.tables.layout import layout_markdown, layout_table
from experiments.errors import UserError
from experiments.records.folder import read_record
from experiments.records.schema import RunRecord


def audit_files(source: Source) -> dict[str, bytes]:
    """audit.md, audit.csv and audit.svg. Raises UserError where no record stopped after mining."""
    records = [read_record(path) for path in source.all_record_paths()]
    mined = _first_of_each([record for record in records if record.config.get("until") == "mine"])
    if not mined:
        raise UserError(
            f"{source.root}: no record stopped after mining: run `python -m experiments.run -m until=mine "
            "miner=naive_topk,topk_percpos miner.threshold=0.9,0.95`"
        )
    return layout_files(layouts((record.run_config(), record.mining) for record in mined if record.mining is not None))


def layout_files(found: list[Layout]) -> dict[str, bytes]:
    """The tables and the figure of these layouts."""
    from analysis.figures.hardness import hardness_figure

    lines = [(layout.setting, *cells) for layout in found for cells in layout_table([layout]).rows]
    figure = hardness_figure(found)
    files = {
        "audit.md": layout_markdown(found).encode(),
        "audit.csv": comma_separated(("setting", *layout_table(found).header), lines).encode(),
    }
    return files if figure is None else {**files, "audit.svg": figure.svg}


def _first_of_each(records: list[RunRecord]) -> list[RunRecord]:
    return list({record.run_id: record for record in reversed(records)}.values())[::-1]
