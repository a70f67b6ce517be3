"""Reads data=beir, a folder in BEIR form: its documents, and each split's judged queries.

What real collections hold besides plain rows (title-only documents, unjudged queries, score-0 rows, identical
documents) is counted in the report, not refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from experiments.collections.beir_files import JudgedFiles, Judgment, read_folder
from experiments.collections.dangling import check_dangling
from experiments.collections.raw import RawCollection
from experiments.config import BeirData, JudgedData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import NO_QUERY, Corpus, MissingJudgments, Qrels, Queries, Split

COUNTED = ("dangling_judgments", "zero_score_rows", "duplicate_judgments", "queries_without_positive")


def beir_path(name: str, execution: Execution) -> Path:
    """Where the collection `name` lies. Raises UserError where neither a path nor BEIR_HOME is known."""
    if name in execution.data_paths:
        return execution.data_paths[name]
    if execution.beir_home is None:
        raise UserError(
            f"where is the collection {name!r}? Set BEIR_HOME to the folder that holds {name}/, or data.path=FOLDER "
            "for the collection to train on"
        )
    return execution.beir_home / name


def beir_files(data: BeirData, *, execution: Execution) -> list[Path]:
    """The files that are there, every one that `read_beir` may read among them."""
    folder = beir_path(data.name, execution)
    return sorted(path for path in (*folder.glob("*"), *(folder / "qrels").glob("*")) if path.is_file())


def read_beir(data: BeirData, *, execution: Execution, cache: Path) -> RawCollection:
    """What the folder holds. cache: keeps a large corpus. Raises UserError for a defect in its files."""
    path = beir_path(data.name, execution)
    return judged_collection(read_folder(path, parents=data.group_by, cache=cache), data)


def judged_collection(folder: JudgedFiles, data: JudgedData) -> RawCollection:
    """The collection of what the files hold. Raises UserError for judgments that cannot be used."""
    check_dangling(folder, drop=data.missing_documents == "drop")
    report = _count_documents(folder.corpus)
    splits = _judged_splits(folder, data, report)
    return RawCollection(name=data.name, corpus=folder.corpus, splits=splits, report=report)


def _count_documents(corpus: Corpus) -> dict[str, int]:
    title_only, empty = corpus.without_text
    return {
        "documents": len(corpus),
        "title_only_documents": title_only,
        "empty_documents": empty,
        "duplicate_text_documents": int((corpus.first_equal != np.arange(len(corpus))).sum()),
    }


def _judged_splits(folder: JudgedFiles, data: JudgedData, report: dict[str, int]) -> dict[str, Split]:
    """Each split's queries that have a positive judgment, in file order of the queries; counts into `report`.

    A train query whose relevant documents are all missing cannot be trained on, so it is left out.
    """
    query_at = {name: i for i, name in enumerate(folder.queries.ids)}
    report |= dict.fromkeys(COUNTED, 0)
    splits = {}
    for name, rows in folder.qrels.items():
        found = _resolve(rows, query_at, folder.document_at, report)
        _check_usable(found, rows, folder.places[name])
        splits[name] = _split(folder.queries, found, data, trained=name == "train")
        asked = {row.query for row in rows if row.query in query_at}
        report["queries_without_positive"] += len(asked) - len(splits[name].queries)
    asked = {row.query for rows in folder.qrels.values() for row in rows}
    report["unjudged_queries"] = sum(name not in asked for name in folder.queries.ids)
    return splits


@dataclass(frozen=True)
class _Found:
    """A split's judgments by position: relevant ones, missing relevant documents by id, and what is judged 0."""

    relevant: dict[tuple[int, int], int] = field(default_factory=dict)
    missing: dict[tuple[int, str], int] = field(default_factory=dict)
    nonrelevant: set[tuple[int, int]] = field(default_factory=set)


def _resolve(
    rows: Iterable[Judgment], query_at: Mapping[str, int], document_at: Mapping[str, int], report: dict[str, int]
) -> _Found:
    """The highest grade of each pair; counts into `report`."""
    found = _Found()
    for row in rows:
        q, d = query_at.get(row.query), document_at.get(row.document)
        if q is None or d is None:
            report["dangling_judgments"] += 1
            if q is not None and row.grade > 0:
                found.missing[q, row.document] = max(row.grade, found.missing.get((q, row.document), 0))
        elif row.grade <= 0:
            report["zero_score_rows"] += 1
            found.nonrelevant.add((q, d))
        else:
            report["duplicate_judgments"] += (q, d) in found.relevant
            found.relevant[q, d] = max(row.grade, found.relevant.get((q, d), 0))
    return found


def _check_usable(found: _Found, rows: Sequence[Judgment], path: Path) -> None:
    """Raises UserError for a split of which no judgment can be used."""
    if found.relevant:
        return
    if any(row.grade > 0 for row in rows):
        raise UserError(
            f"{path}: none of its {len(rows)} judgments above 0 names a query and a document that are there: "
            "mend the ids or remove the file"
        )
    raise UserError(
        f"{path}: none of its {len(rows)} judgments has a score above 0, so no document is relevant: "
        "correct the scores or remove the file"
    )


def _split(queries: Queries, found: _Found, data: JudgedData, *, trained: bool) -> Split:
    asked = {query for query, _ in found.relevant}
    if not trained:
        asked |= {query for query, _ in found.missing}
    kept = np.array(sorted(asked), dtype=np.int32)
    position = {int(query): i for i, query in enumerate(kept)}
    missing = [(position[q], name, grade) for (q, name), grade in found.missing.items() if q in position]
    searched = found.nonrelevant if data.search_corpus == "judged" else set()
    return Split(
        queries=queries.take(kept),
        qrels=_qrels(found.relevant, position),
        nonrelevant=_qrels({pair: 0 for pair in searched if pair not in found.relevant}, position),
        missing=MissingJudgments.build(missing),
    )


def _qrels(grades: Mapping[tuple[int, int], int], position: Mapping[int, int]) -> Qrels:
    query = [position.get(query, NO_QUERY) for query, _ in grades]
    return Qrels.build(query=query, document=[document for _, document in grades], grade=list(grades.values()))
