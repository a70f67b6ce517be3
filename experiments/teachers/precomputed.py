"""Scores or vectors from files as teacher: ids become positions, and what does not fit is one line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.config import PrecomputedTeacher
from experiments.engines.shards import kept_in
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection, Positions, Scores, hash_texts
from experiments.teachers.dense import rank_dense
from experiments.teachers.ranking import Ranking
from experiments.teachers.score_files import Scored, content_of, files_of, read_scores
from experiments.teachers.sparse import Pairs, distinct, rank_pairs
from experiments.teachers.teacher import Prepared, Question, Tools


def prepare(teacher: PrecomputedTeacher, question: Question, tools: Tools) -> Prepared:
    """Ranks by what the files hold; they are read only where the ranking is not stored yet."""
    identity: dict[str, Any] = {
        "kind": teacher.kind,
        "format": teacher.format,
        "content": teacher.content,
        "queries": hash_texts(question.collection.splits["train"].queries.ids),
        "documents": hash_texts(question.collection.corpus.ids),
    }

    def rank(keep: Path) -> Ranking:
        path = _path(teacher, tools.execution)
        if teacher.format == "embeddings":
            queries, documents = _read_vectors(teacher, path, question)
            kept = functools.partial(kept_in, keep, tools.store.environment)
            return rank_dense(queries, documents, question=question, execution=tools.execution, kept=kept)
        return _rank_lists(teacher, path, question)

    return Prepared(identity=identity, inputs=(), rank=rank, sparse=teacher.format != "embeddings")


def _path(teacher: PrecomputedTeacher, execution: Execution) -> Path:
    """Where its files lie. Raises UserError where nobody says so, or where they hold something else by now."""
    path = execution.ranking_paths.get(teacher.name)
    if path is None:
        raise UserError(f"no path for the precomputed teacher {teacher.name!r}: give teacher.path=FILE or FOLDER")
    found = content_of(path, files_of(path, teacher.format, teacher.split))
    if found != teacher.content:
        raise UserError(
            f"{path} has changed: its digest is {found}, the run names {teacher.content}: start the run anew"
        )
    return path


# ---------------------------------------------------------------- lists of scored documents


def _rank_lists(teacher: PrecomputedTeacher, path: Path, question: Question) -> Ranking:
    collection, unknown = question.collection, _Unknown(teacher, path)
    return rank_pairs(
        _known_pairs(teacher, path, collection, unknown),
        collection=collection,
        queries=len(question.queries),
        qrels=question.qrels,
        depth=question.depth,
    )


def _known_pairs(teacher: PrecomputedTeacher, path: Path, collection: Collection, unknown: _Unknown) -> Iterator[Pairs]:
    """The pairs of train queries, part by part. Raises UserError after the last for ids that nobody knows."""
    train = pd.Index(collection.splits["train"].queries.ids)
    asked = pd.Index([name for split in collection.splits.values() for name in split.queries.ids]).unique()
    documents = pd.Index(collection.corpus.ids)
    for part in read_scores(files_of(path, teacher.format, teacher.split), teacher.format):
        _check_finite(part)
        query, document = positions(train, part.query), positions(documents, part.document)
        unknown.queries(part.query[query < 0], asked)
        unknown.documents(part.document[document < 0])
        kept = (query >= 0) & (document >= 0)
        yield distinct(
            query[kept],
            document[kept],
            part.score[kept].astype(np.float32),
            collection=collection,
        )
    unknown.check(collection.name)


def positions(known: pd.Index[str], ids: npt.NDArray[np.object_] | Sequence[str]) -> Positions:
    """Where each id stands among the known ones, -1 where it does not."""
    return known.get_indexer(pd.Index(ids)).astype(np.int32)


def _check_finite(part: Scored) -> None:
    with np.errstate(over="ignore"):
        broken = np.flatnonzero(~np.isfinite(part.score.astype(np.float32)))
    if len(broken):
        first = int(broken[0])
        raise UserError(
            f"{part.where(first)}: the score of query {part.query[first]!r} and document {part.document[first]!r} is "
            f"{part.score[first]}: a ranking needs finite scores (of float32), mend the file"
        )


@dataclass
class _Unknown:
    """Counts entries whose ids the collection does not have, by what they are of, with the first of each."""

    teacher: PrecomputedTeacher
    path: Path
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def queries(self, ids: npt.NDArray[np.object_], asked: pd.Index[str]) -> None:
        """Note those of `ids` that no split asks."""
        self._note("queries", ids[positions(asked, ids) < 0])

    def documents(self, ids: npt.NDArray[np.object_]) -> None:
        """Note all of `ids`."""
        self._note("documents", ids)

    def _note(self, what: str, ids: npt.NDArray[np.object_]) -> None:
        if len(ids):
            self.counts[what] = self.counts.get(what, 0) + len(ids)
            self.first.setdefault(what, str(ids[0]))

    def check(self, name: str) -> None:
        """Raises UserError where there are any and they are not to be dropped."""
        if self.counts and self.teacher.unknown_ids == "refuse":
            found = " and ".join(
                f"{count} of its entries name {what} that {name} does not have (first: {self.first[what]!r})"
                for what, count in self.counts.items()
            )
            raise UserError(f"{self.path}: {found}: mend the ids, or go on without them with teacher.unknown_ids=drop")


# ---------------------------------------------------------------- vectors


def _read_vectors(teacher: PrecomputedTeacher, path: Path, question: Question) -> tuple[Scores, Scores]:
    collection, unknown = question.collection, _Unknown(teacher, path)
    asked = pd.Index([name for split in collection.splits.values() for name in split.queries.ids]).unique()
    documents = _vectors(path / "documents", collection.corpus.ids, unknown.documents)
    queries = _vectors(
        path / "queries", collection.splits["train"].queries.ids, lambda ids: unknown.queries(ids, asked)
    )
    unknown.check(collection.name)
    if queries.shape[1] != documents.shape[1]:
        raise UserError(f"{path}: queries have {queries.shape[1]} dimensions, documents {documents.shape[1]}")
    return queries, documents


def _vectors(stem: Path, wanted: Sequence[str], unknown: Callable[[npt.NDArray[np.object_]], None]) -> Scores:
    """(len(wanted), d) float32 from `stem`.npy, by the ids in `stem`.txt. Raises UserError for what does not fit."""
    npy, txt = stem.with_suffix(".npy"), stem.with_suffix(".txt")
    try:
        found = np.load(npy, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise UserError(f"{npy}: not an array of numbers ({error})") from error
    ids = np.array(_lines(txt), dtype=object)
    if found.ndim != 2 or not np.issubdtype(found.dtype, np.floating) or len(found) != len(ids):
        raise UserError(
            f"{npy} is {found.dtype} of shape {found.shape}, {txt.name} has {len(ids)} ids: give a row of floats an id"
        )
    index = pd.Index(ids)
    if index.has_duplicates:
        raise UserError(f"{txt}: the id {index[index.duplicated()][0]!r} stands there twice: ids must differ")
    unknown(ids[positions(pd.Index(wanted), ids) < 0])
    return _finite(_rows(found, index, wanted, npy), wanted, npy)


def _lines(txt: Path) -> list[str]:
    try:
        return txt.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{txt}: not UTF-8 (byte {error.start}): convert the file") from error


def _rows(found: npt.NDArray[np.floating[Any]], index: pd.Index[str], wanted: Sequence[str], npy: Path) -> Scores:
    at = positions(index, wanted)
    missing = np.flatnonzero(at < 0)
    if len(missing):
        raise UserError(f"{npy}: no vector for {len(missing)} of {len(wanted)} ids (first: {wanted[missing[0]]!r})")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(found[at], dtype=np.float32)


def _finite(vectors: Scores, wanted: Sequence[str], npy: Path) -> Scores:
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise UserError(
            f"{npy}: the vector of {wanted[broken[0]]!r} has NaN or infinite numbers (so have {len(broken)})"
        )
    return vectors
