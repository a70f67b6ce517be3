"""What a student is measured on, and its name in an artifact's key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from experiments.ir import Corpus, Split, hash_texts


@dataclass(frozen=True)
class EvaluationTarget:
    """A corpus and the judged queries of one split; `task` is what tables call it ("scifact/test").

    ignore_identical_ids: a document with the query's id is left out of the query's ranking.
    """

    task: str
    corpus: Corpus
    split: Split
    ignore_identical_ids: bool = False

    @cached_property
    def content_hash(self) -> str:
        """Over documents, queries and judgments, and whether a query's own document counts.

        Where it is asked what documents were cut from, over that, too: the groups of queries are kept under this name.
        """
        split, corpus = self.split, self.corpus
        parts = [corpus.content_hash, split.queries.content_hash, split.qrels.content_hash, *split.content]
        parts += ["ignore_identical_ids"] if self.ignore_identical_ids else []
        return hash_texts([*parts, "parents", *corpus.parents] if corpus.parents else parts)

    @cached_property
    def judgments(self) -> dict[str, dict[str, int]]:
        """Query id -> document id -> grade, documents that the corpus lacks included.

        Queries without judged documents are left out, as mteb leaves them out.
        """
        qrels, queries = self.split.qrels, self.split.queries
        found: dict[str, dict[str, int]] = {}
        for query, document, grade in zip(qrels.query, qrels.document, qrels.grade, strict=True):
            found.setdefault(queries.ids[query], {})[self.corpus.ids[document]] = int(grade)
        for position, name, missing_grade in self.split.missing.rows():
            found.setdefault(queries.ids[position], {})[name] = missing_grade
        return found

    @cached_property
    def judged_queries(self) -> list[int]:
        """Positions of the queries with judged documents, in order."""
        return [int(position) for position in self.split.judged_queries]
