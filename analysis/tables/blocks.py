"""The tables of a block: its methods, or for runs that stopped after mining the layout of what was mined."""

from __future__ import annotations

from analysis.audit import audit_markdown, audit_table
from analysis.formats import comma_separated, latex
from analysis.layouts import Layout, mined_runs
from analysis.load import Study
from analysis.tables.methods import methods_latex, methods_markdown
from analysis.tables.methods_csv import methods_csv


def mined_layouts(study: Study, block: str) -> list[Layout]:
    """Of the block's runs that stopped after mining; empty for any other block."""
    return mined_runs(run for arm in study.plan.arms(block) for run in study.cell(block, arm).values())


def block_markdown(study: Study, block: str) -> str:
    """The block's tables as they stand on the page; one line for a block of which nothing has finished."""
    if not study.started(block):
        return f"not run: `python -m experiments.run -m study={study.name}`\n"
    found = mined_layouts(study, block)
    return audit_markdown(found) if found else methods_markdown(study, block)


def block_tables(study: Study, block: str) -> dict[str, str]:
    """File ending -> text; empty for a block of which nothing has finished."""
    if not study.started(block):
        return {}
    found = mined_layouts(study, block)
    if not found:
        return {
            "md": methods_markdown(study, block),
            "csv": methods_csv(study, block),
            "tex": methods_latex(study, block),
        }
    table = audit_table(found)
    lines = [(layout.setting, *cells) for layout, cells in zip(found, table.rows, strict=True)]
    caption = f"Study {study.name}, block {block}: what each method mines."
    return {
        "md": audit_markdown(found),
        "csv": comma_separated(("setting", *table.header), lines),
        "tex": latex(table, caption=caption, label=f"{study.name}-{block}"),
    }
