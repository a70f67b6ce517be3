"""The table of a block: methods with scores, or, where its runs stopped after mining, the layout of what was mined."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.formats import comma_separated, latex
from analysis.layouts import mined_layouts
from analysis.leaks import leak_notes
from analysis.load import Study
from analysis.missing import missing_lines
from analysis.tables.layout import layout_markdown, layout_table
from analysis.tables.methods import glossary, methods_latex, methods_markdown
from analysis.tables.methods_csv import methods_csv


def blocks_markdown(study: Study, blocks: Sequence[str]) -> str:
    """Every block's table under its name, the cells that are missing, and where the files are."""
    parts = [f"### {block}\n\n{_markdown(study, block)}" for block in blocks]
    if any(study.started(block) and not mined_layouts(study, block) for block in blocks):
        parts.append(f"{glossary(study)}\n")
    gaps = missing_lines(study, begun_only=True)
    if gaps:
        parts.append("Not finished:\n\n" + "".join(f"    {line}\n" for line in gaps))
    names = [f"{block}.{kind}" for block in filter(study.started, blocks) for kind in ("csv", "tex")]
    links = ", ".join(f"[{name}](tables/{name})" for name in names)
    return "\n".join([*parts, *([f"The same as files: {links}.\n"] if links else [])])


def block_markdown(study: Study, block: str) -> str:
    """The block's tables by themselves; one line for a block of which nothing has finished."""
    if not study.started(block) or mined_layouts(study, block):
        return _markdown(study, block)
    return f"{methods_markdown(study, block)}{glossary(study)}\n"


def _markdown(study: Study, block: str) -> str:
    if not study.started(block):
        return f"not run: `{study.plan.run_command()}`\n"
    found = mined_layouts(study, block)
    if not found:
        return methods_markdown(study, block)
    notes = leak_notes(study, block).strip()
    return layout_markdown(found) + (f"\n{notes}\n" if notes else "")


def block_files(study: Study) -> dict[str, str]:
    """File name -> text, of the blocks of which anything has finished."""
    files = {block: _block_files(study, block) for block in filter(study.started, study.plan.blocks)}
    return {f"{block}.{ending}": text for block, found in files.items() for ending, text in found.items()}


def _block_files(study: Study, block: str) -> dict[str, str]:
    found = mined_layouts(study, block)
    if not found:
        return {
            "md": block_markdown(study, block),
            "csv": methods_csv(study, block),
            "tex": methods_latex(study, block),
        }
    table = layout_table(found)
    lines = [(layout.setting, *cells) for layout, cells in zip(found, table.rows, strict=True)]
    caption = f"Study {study.name}, block {block}: what each method mines."
    return {
        "md": layout_markdown(found),
        "csv": comma_separated(("setting", *table.header), lines),
        "tex": latex(table, caption=caption, label=f"{study.name}-{block}"),
    }
