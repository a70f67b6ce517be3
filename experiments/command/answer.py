"""The answer at a command's end: its table, what the data decides, and where its page lies.

The one module of experiments that imports analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.config import MinerConfig, RunConfig
from experiments.errors import UserError
from experiments.files import write_bytes
from experiments.identity import derive_seed
from experiments.ir import NO_DOCUMENT, Collection
from experiments.miners.mine import Mined


def print_answer(store: Path, published: Path | None, study: str) -> None:
    """Print the tables of a study that has a plan in `store`, and write its page beside that plan.

    published: a folder of records that count as done beside the store's own. Prints why where there is no table, since
    the runs themselves have ended well.
    """
    from analysis.answer import answer_text
    from analysis.folders import write_files
    from analysis.load import load_study
    from analysis.render import render_study
    from analysis.sources import open_source

    try:
        source = open_source(store, published=published)
        loaded = load_study(source, study)
        text = answer_text(loaded)
        if not text:
            return
        folder = source.study_folder(study)
        write_files(folder, render_study(loaded))
    except UserError as error:
        print(f"no table: {error}", flush=True)
        return
    print(f"\n{text}\npage: {(folder / 'README.md').as_posix()}", flush=True)


def print_audit(
    folder: Path,
    config: RunConfig,
    found: Sequence[tuple[MinerConfig, Mined]],
    collection: Collection,
    *,
    read: int,
    train: str,
) -> None:
    """Print the layout of every method, with a recommendation; write table, figure and the negatives of `read` rows.

    train: the command that trains with each method.
    """
    from analysis.audit import layout_files
    from analysis.formats import aligned
    from analysis.layouts import layouts
    from analysis.recommend import recommendation
    from analysis.tables.layout import layout_table

    laid_out = layouts((config.model_copy(update={"miner": miner}), mined.facts) for miner, mined in found)
    said = recommendation(laid_out, train=train)
    files = layout_files(laid_out)
    files["audit.md"] += f"\n{said}\n".encode()
    files["negatives.md"] = _negatives(found, collection, seed=config.seed, read=read).encode()
    for name, content in files.items():
        write_bytes(folder / name, content)
    print(f"\n{aligned(layout_table(laid_out))}\n{said}\n", flush=True)
    print(f"to read: {(folder / 'negatives.md').as_posix()}\ntable, figure: {folder.as_posix()}", flush=True)


def _negatives(found: Sequence[tuple[MinerConfig, Mined]], collection: Collection, *, seed: int, read: int) -> str:
    """Markdown: of some training rows the query, what is relevant, and the first negative of every method in full."""
    rows = found[0][1].rows
    order = np.random.default_rng(derive_seed(seed, "negatives to read")).permutation(len(rows))[:read]
    queries, passages = collection.splits["train"].queries.texts, collection.corpus.passages
    parts = []
    for row in order.tolist():
        query, positive = rows[row].tolist()
        parts += [f"## {queries[query]}", f"**Shown as relevant.** {passages[positive]}"]
        chosen: dict[str, list[str]] = {}
        for miner, mined in found:
            chosen.setdefault(_first_negative(mined, row, passages), []).append(_called(miner))
        parts += [f"**{', '.join(names)}.** {text}" for text, names in chosen.items()]
    return "\n\n".join([*parts, ""])


def _first_negative(mined: Mined, row: int, passages: Sequence[str]) -> str:
    """Its text, with rank and scores where a teacher ranked it; or that the method keeps no such row."""
    (place,) = np.nonzero(mined.row == row)
    if not len(place) or mined.negatives.document[place[0], 0] == NO_DOCUMENT:
        return "(the row is dropped)"
    at, one = place[0], mined.negatives
    ranked = f"rank {one.rank[at, 0]}, {one.score[at, 0]:.3f} against {one.positive_score[at, 0]:.3f}"
    why = ranked if one.rank[at, 0] else "random"
    false = ", **known to be relevant**" if one.known_false[at, 0] else ""
    return f"({why}{false}) {passages[one.document[at, 0]]}"


def _called(miner: MinerConfig) -> str:
    """`topk_percpos 0.95`."""
    values = miner.model_dump(exclude={"kind"}).values()
    return " ".join([miner.kind, *(f"{value:g}" for value in values)])
