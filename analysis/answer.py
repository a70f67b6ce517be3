"""What a command prints when its runs have ended: a table for each block, and what the data decides."""

from __future__ import annotations

from analysis.decides import NOTE, sentence
from analysis.formats import Table, aligned
from analysis.load import Study
from analysis.tables.layout import layout_table, mined_layouts
from analysis.tables.methods import methods_table

SHOWN = ("arm", "mean", "seeds", "known false negatives", "yield", "marks")


def answer_text(study: Study) -> str:
    """Of every block of which a run has finished: its table in plain text, then one sentence; "" without any."""
    blocks = [block for block in study.plan.blocks if study.started(block)]
    parts = [_block(study, block, named=len(study.plan.blocks) > 1) for block in blocks]
    sentences = {block: text for block in blocks if (text := sentence(study, block))}
    said = [text if len(study.plan.blocks) == 1 else f"{block}: {text}" for block, text in sentences.items()]
    return "\n".join([*parts, *(f"{text}\n" for text in said), *([f"{NOTE}\n"] if said else [])])


def _block(study: Study, block: str, *, named: bool) -> str:
    title = f"{block}\n" if named else ""
    mined = mined_layouts(study, block)
    if mined:
        settings = dict.fromkeys(layout.setting for layout in mined)
        tables = [
            f"{name}\n{aligned(layout_table([one for one in mined if one.setting == name]))}" for name in settings
        ]
        return title + "\n".join(tables)
    return title + aligned(_effects(methods_table(study, block)))


def _effects(table: Table) -> Table:
    """Scores, differences, known false negatives and yield: what fits a terminal."""
    keep = [i for i, name in enumerate(table.header) if _is_shown(name)]
    return Table(tuple(table.header[i] for i in keep), tuple(tuple(row[i] for i in keep) for row in table.rows))


def _is_shown(name: str) -> bool:
    return name in SHOWN or name.endswith("nDCG@10") or name.startswith("difference to ")
