"""A folder in BEIR form, which data=beir reads again: the shown positives as train, and the mined negatives beside it.

`qrels/train.tsv` holds what the student was shown, each with score 1; what the run hid (data.positives=one) is not
there. The other splits are those of the collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.collections.beir_files import HEADER
from experiments.exporting.negatives import Columns, as_rows, write_lines
from experiments.ir import NO_QUERY, Collection, Corpus, Qrels, Split
from experiments.stages.finished import Finished

Row = tuple[str, str, int]
NEGATIVES = "hard_negatives.jsonl"


def write_beir(folder: Path, found: Finished, columns: Columns) -> tuple[str, ...]:
    """Write the folder; what is to be said about it. columns: the table of negatives. Raises OSError."""
    collection, negatives = found.collection, found.negatives
    train = collection.splits["train"].queries
    shown = zip(negatives.query.tolist(), negatives.positive.tolist(), strict=True)
    rows = {"train": [(train.ids[query], collection.corpus.ids[document], 1) for query, document in shown]}
    rows |= {name: list(_judged(collection, split)) for name, split in collection.splits.items() if name != "train"}
    write_lines(folder / "corpus.jsonl", _documents(collection.corpus))
    write_lines(folder / "queries.jsonl", _queries(collection, rows))
    (folder / "qrels").mkdir()
    for name, judged in rows.items():
        lines = ["\t".join(HEADER), *(f"{query}\t{document}\t{grade}" for query, document, grade in judged)]
        (folder / "qrels" / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    left_out = {"row", "slot"}
    write_lines(folder / NEGATIVES, as_rows({name: one for name, one in columns.items() if name not in left_out}))
    return _notes(collection)


def _documents(corpus: Corpus) -> Iterator[dict[str, Any]]:
    for i, (name, title, text) in enumerate(zip(corpus.ids, corpus.titles, corpus.texts, strict=True)):
        parent = {"metadata": {"parent": corpus.parents[i]}} if corpus.parents else {}
        yield {"_id": name, "title": title, "text": text, **parent}


def _queries(collection: Collection, rows: Mapping[str, list[Row]]) -> Iterator[dict[str, Any]]:
    """Each judged query once."""
    texts = {
        name: text
        for split, judged in rows.items()
        for name, text in _texts(collection.splits[split], {query for query, _, _ in judged})
    }
    for name, text in texts.items():
        yield {"_id": name, "text": text}


def _texts(split: Split, asked: set[str]) -> Iterator[tuple[str, str]]:
    for name, text in zip(split.queries.ids, split.queries.texts, strict=True):
        if name in asked:
            yield name, text


def _judged(collection: Collection, split: Split) -> Iterator[Row]:
    """Positive judgments, those of missing documents too, then what is judged 0."""
    ids, documents = split.queries.ids, collection.corpus.ids
    yield from ((ids[q], documents[d], grade) for q, d, grade in _rows(split.qrels))
    yield from ((ids[q], document, grade) for q, document, grade in split.missing.rows())
    yield from ((ids[q], documents[d], grade) for q, d, grade in _rows(split.nonrelevant) if q != NO_QUERY)


def _rows(qrels: Qrels) -> Iterator[tuple[int, int, int]]:
    return zip(qrels.query.tolist(), qrels.document.tolist(), qrels.grade.tolist(), strict=True)


def _notes(collection: Collection) -> tuple[str, ...]:
    others = [split for name, split in collection.splits.items() if name != "train"]
    missing = sum(len(split.missing) for split in others)
    unknown = sum(int((split.nonrelevant.query == NO_QUERY).sum()) for split in others)
    notes = []
    if missing:
        notes.append(f"{missing} judgments name documents that are not there: read it with data.missing_documents=drop")
    if unknown:
        notes.append(
            f"{unknown} documents that are judged 0 for queries without a relevant one are not among the judgments: "
            "data.search_corpus=judged searches fewer documents here than in the source"
        )
    return tuple(notes)
