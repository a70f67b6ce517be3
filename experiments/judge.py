"""``python -m experiments.judge``: draw mined negatives to be judged blind, against results/judgments/guideline.md.

Writes a sheet (item, query, positive, mined) that shows no method, rank or score, a second sheet with the items that
are judged twice in another order, and the key that joins items to their arms. Negatives already known to be false are
not drawn: they are counted exactly, and judgments estimate the rest.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.entry import Parser, beir_home, check_writable, guarded, named_folders
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import derive_seed
from experiments.ir import NO_DOCUMENT, Collection, Negatives
from experiments.records.folder import find_record
from experiments.records.schema import RunRecord
from experiments.stages.finished import load_finished

SHEET = ("item", "query", "positive", "mined")
KEY = ("item", "arm", "run_id", "slot", "query_id", "document_id", "twice")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 2 for a user's mistake."""
    return guarded(lambda: _command(arguments))


def _command(arguments: Sequence[str] | None) -> int:
    parsed = _parser().parse_args(arguments)
    for name, least in (("per_arm", 1), ("twice", 0), ("seed", 0)):
        if getattr(parsed, name) < least:
            raise UserError(f"--{name.replace('_', '-')} {getattr(parsed, name)}: should be at least {least}")
    _write(parsed)
    print(f"wrote sheet.csv, twice.csv and key.csv under {parsed.out}: label them by a guideline in results/judgments")
    return 0


def draw(negatives: Negatives, *, count: int, seed: int) -> list[tuple[int, int]]:
    """`count` distinct (row, slot) pairs, uniform over the negatives that are not known to be false."""
    rows, slots = np.nonzero((negatives.document != NO_DOCUMENT) & ~negatives.known_false)
    if len(rows) < count:
        raise UserError(f"{len(rows)} negatives can be judged, fewer than --per-arm {count}: lower it")
    chosen = np.random.default_rng(seed).choice(len(rows), size=count, replace=False)
    return [(int(rows[i]), int(slots[i])) for i in chosen]


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments.judge", description=__doc__.splitlines()[0])
    parser.add_argument("arms", nargs="+", metavar="ARM=RUN_ID", help="finished runs to draw from")
    parser.add_argument("--store", type=Path, default=Execution().store)
    parser.add_argument(
        "--data-path",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="where a collection in BEIR form lies, once for each; else under BEIR_HOME",
    )
    parser.add_argument("--per-arm", type=int, default=100)
    parser.add_argument("--twice", type=int, default=50, help="how many items are judged a second time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    return parser


def _write(parsed: argparse.Namespace) -> None:
    items: list[tuple[dict[str, str], dict[str, str]]] = []
    execution = _execution(parsed.store, parsed.data_path)
    for named in parsed.arms:
        arm, _, run_id = named.partition("=")
        record = find_record([parsed.store], run_id)
        if record is None or "mine" not in record.stages:
            raise UserError(f"{named}: no finished run with mined negatives in {parsed.store}: write ARM=RUN_ID of one")
        items += _items(record, arm, execution, count=parsed.per_arm, seed=parsed.seed)
    order = np.random.default_rng(derive_seed(parsed.seed, "judge", "order")).permutation(len(items))
    shuffled = [items[i] for i in order]
    twice = np.random.default_rng(derive_seed(parsed.seed, "judge", "twice")).choice(
        len(items), size=min(parsed.twice, len(items)), replace=False
    )
    for number, (text, key) in enumerate(shuffled):
        text["item"] = key["item"] = f"{number + 1:03d}"
        key["twice"] = "yes" if number in twice else "no"
    check_writable("--out", parsed.out)
    _csv(parsed.out / "sheet.csv", SHEET, [text for text, _ in shuffled])
    _csv(parsed.out / "twice.csv", SHEET, [shuffled[i][0] for i in twice])
    _csv(parsed.out / "key.csv", KEY, [key for _, key in shuffled])


def _execution(store: Path, data_paths: Sequence[str]) -> Execution:
    """Where the runs and their collections lie. Raises UserError for a path without a name or a folder."""
    return Execution(
        store=store,
        progress=False,
        beir_home=beir_home(),
        data_paths=named_folders(data_paths),
    )


def _items(
    record: RunRecord, arm: str, execution: Execution, *, count: int, seed: int
) -> list[tuple[dict[str, str], dict[str, str]]]:
    """(sheet row, key row) of the drawn negatives of one run."""
    found = load_finished(record, execution=execution, title=arm)
    drawn = draw(found.negatives, count=count, seed=derive_seed(seed, "judge", arm))
    return [_item(found.collection, found.negatives, record, arm, place) for place in drawn]


def _item(
    collection: Collection, negatives: Negatives, record: RunRecord, arm: str, place: tuple[int, int]
) -> tuple[dict[str, str], dict[str, str]]:
    row, slot = place
    queries = collection.splits["train"].queries
    query, document = int(negatives.query[row]), int(negatives.document[row, slot])
    text = {
        "query": queries.texts[query],
        "positive": collection.corpus.passages[negatives.positive[row]],
        "mined": collection.corpus.passages[document],
    }
    key = {
        "arm": arm,
        "run_id": record.run_id,
        "slot": str(slot + 1),
        "query_id": queries.ids[query],
        "document_id": collection.corpus.ids[document],
    }
    return text, key


def _csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
