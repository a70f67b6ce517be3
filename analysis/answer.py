"""What a command prints when its runs have ended: a table for each block, and what the data decides."""

from __future__ import annotations

from analysis.arms import arm_rows
from analysis.decides import NOTE, UNDECIDED, sentence
from analysis.formats import Table, aligned
from analysis.layouts import mined_layouts
from analysis.load import Study
from analysis.missing import STORE
from analysis.tables.layout import layout_table
from analysis.tables.methods import methods_table
from experiments.entry import shell

SHOWN = ("arm", "mean", "seeds", "known false negatives", "yield", "marks")


def answer_text(study: Study) -> str:
    """Of every block of which a run has finished: its table in plain text, then one sentence; "" without any."""
    blocks = [block for block in study.plan.blocks if study.started(block)]
    parts = [_block(study, block, named=len(study.plan.blocks) > 1) for block in blocks]
    sentences = {block: text for block in blocks if (text := sentence(study, block))}
    said = [text if len(study.plan.blocks) == 1 else f"{block}: {text}" for block, text in sentences.items()]
    declared = study.plan.declaration
    if declared.fitted and any(text in line for line in said for text in UNDECIDED):
        seeds = ",".join(str(seed) for seed in range(len(declared.seeds) + 2))
        said.append(
            f"To decide more, the same command with study.seeds=[{seeds}] (what is done is not done again), or, for "
            f"four times the training of each run, study.effort={4 * declared.effort:g}"
        )
    away = [f"{text}\n" for block in blocks[:1] if (text := take_away(study, block))]
    return "\n".join([*parts, *(f"{text}\n" for text in said), *([f"{NOTE}\n"] if said else []), *away])


def take_away(study: Study, block: str) -> str:
    """The command that exports the rows of the best trained arm's first run; "" where no arm was trained."""
    rows = [row for row in arm_rows(study, block) if row.mean is not None and row.view is not None]
    if not rows:
        return ""
    arm = max(rows, key=lambda row: row.mean or 0.0).arm
    seed, run = next(iter(study.cell(block, arm).items()))
    given = [run.record.run_id[:8], "--format", "triplet", *_places(study, run.config.data.name)]
    command = shell(["python", "-m", "experiments.export", *given])
    return f"take away: {command}   # {arm}, seed {seed}; --student in place of --format: its student"


def _places(study: Study, name: str) -> list[str]:
    """Where an export finds the collection and the store that the study's own command names."""
    keys = {"data.path": name, "data.corpus": f"{name}:corpus"}
    named = [text.partition("=") for text in study.plan.command]
    places = [word for key, _, path in named if key in keys for word in ("--data-path", f"{keys[key]}={path}")]
    return places if study.store in (None, STORE) else [*places, "--store", str(study.store)]


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
