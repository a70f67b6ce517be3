"""The values that every room passes on: Corpus, Queries, Qrels, Split, Collection, Candidates, Negatives.

Arrays hold *positions* (int32 indices into a Corpus or Queries), never ids; ids appear only at the edges.
All values are frozen; arrays in them are treated as read-only.
"""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]
TextKeys = npt.NDArray[np.uint64]

NO_DOCUMENT = -1
"""Pads ragged rows of document positions; its score is NaN."""
NO_QUERY = -1
"""Stands for the query of a judgment whose query is not among the queries."""
NO_TEACHER = -1
"""Stands where no teacher ranked a negative: drawn at random, filled up, or padding."""


def normalise_text(text: str) -> str:
    """Equal iff a reader would call two texts the same: NFKC, case folded, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class HashedTexts(Sequence[str]):
    """Texts whose `hash_texts` is known without reading them."""

    @property
    @abstractmethod
    def content_hash(self) -> str:
        """Their `hash_texts`."""


def hash_texts(parts: Iterable[str]) -> str:
    """sha256 (hex) over length-prefixed UTF-8 parts, so that no two sequences collide by joining."""
    if isinstance(parts, HashedTexts):
        return parts.content_hash
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def text_keys(texts: Iterable[str]) -> TextKeys:
    """(n, 2) uint64, 128 bits of blake2b of each text, equal where texts are.

    Of a billion texts, two that differ have the same key with a chance below 1e-20.
    """
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts)
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2)


def first_equal(keys: TextKeys) -> npt.NDArray[np.int64]:
    """(n,) int64, the first position at which the same key stands as at each."""
    order = np.lexsort(keys.T)  # stable, so that equal keys stay in their order
    other = np.r_[True, (keys[order[1:]] != keys[order[:-1]]).any(axis=1)][: len(keys)]
    first = np.empty(len(keys), dtype=np.int64)
    first[order] = order[other][np.cumsum(other) - 1]
    return first


def passage_of(title: str, text: str) -> str:
    """What a model reads of a document: mteb's ``(title + " " + text).strip()``."""
    # Without a title nothing is joined, so that a text which needs no strip is kept once.
    return (title + " " + text).strip() if title else text.strip()


@dataclass(frozen=True)
class Corpus:
    """N documents in corpus order, which breaks every tie of scores.

    parents: the whole that each was cut from, its own id where it is one; empty where it was not asked for. It is no
    part of the content. Each is a tuple, or where there are very many a sequence that reads them from a file
    (collections/mapped.py).
    """

    ids: Sequence[str]
    titles: Sequence[str]
    texts: Sequence[str]
    parents: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def passages(self) -> Sequence[str]:
        """`passage_of` every document."""
        return tuple(map(passage_of, self.titles, self.texts))

    @cached_property
    def normalised(self) -> Sequence[str]:
        """`normalise_text` of every passage."""
        return tuple(map(normalise_text, self.passages))

    @cached_property
    def keys(self) -> TextKeys:
        """(N, 2) uint64, the `text_keys` of the normalised passages."""
        return text_keys(self.normalised)

    @cached_property
    def first_equal(self) -> npt.NDArray[np.int64]:
        """(N,) int64, the first document of the same normalised passage as each."""
        return first_equal(self.keys)

    @cached_property
    def without_text(self) -> tuple[int, int]:
        """How many documents have a title only, and how many have neither title nor text."""
        titled = [bool(title.strip()) for title, text in zip(self.titles, self.texts, strict=True) if not text.strip()]
        return sum(titled), len(titled) - sum(titled)

    @cached_property
    def content_hash(self) -> str:
        """Over ids, titles and texts in corpus order."""
        return hash_texts(itertools.chain(self.ids, self.titles, self.texts))

    def take(self, positions: Positions) -> Corpus:
        """The sub-corpus at `positions`, in that order."""
        return Corpus(
            ids=tuple(self.ids[i] for i in positions),
            titles=tuple(self.titles[i] for i in positions),
            texts=tuple(self.texts[i] for i in positions),
            parents=tuple(self.parents[i] for i in positions) if self.parents else (),
        )


@dataclass(frozen=True)
class Queries:
    """Q queries."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def normalised(self) -> tuple[str, ...]:
        """`normalise_text` of every query."""
        return tuple(map(normalise_text, self.texts))

    @cached_property
    def content_hash(self) -> str:
        """Over ids and texts in order."""
        return hash_texts([*self.ids, *self.texts])

    def take(self, positions: Positions) -> Queries:
        """The queries at `positions`, in that order."""
        return Queries(ids=tuple(self.ids[i] for i in positions), texts=tuple(self.texts[i] for i in positions))


@dataclass(frozen=True)
class Qrels:
    """Judgments as three aligned arrays of length J, sorted by (query, document): positive ones where nothing is said.

    `query` and `document` are int32 positions, `grade` is int32.
    """

    query: Positions
    document: Positions
    grade: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.query)

    @staticmethod
    def build(*, query: npt.ArrayLike, document: npt.ArrayLike, grade: npt.ArrayLike) -> Qrels:
        """Sort by (query, document)."""
        q, d, g = (np.asarray(a, dtype=np.int32) for a in (query, document, grade))
        order = np.lexsort((d, q))
        return Qrels(query=q[order], document=d[order], grade=g[order])

    @staticmethod
    def empty() -> Qrels:
        """No judgments."""
        return Qrels.build(query=[], document=[], grade=[])

    def take(self, rows: npt.NDArray[np.bool_], *, query: Positions) -> Qrels:
        """The judgments under `rows` (J,), their queries numbered anew by `query` (old position -> new one)."""
        return Qrels.build(query=query[self.query[rows]], document=self.document[rows], grade=self.grade[rows])

    @cached_property
    def content_hash(self) -> str:
        """Over the three arrays."""
        digest = hashlib.sha256()
        for array in (self.query, self.document, self.grade):
            digest.update(np.ascontiguousarray(array, dtype="<i4").tobytes())
            digest.update(b"|")
        return digest.hexdigest()


@dataclass(frozen=True)
class MissingJudgments:
    """Positive judgments of documents that the corpus lacks, as three aligned sequences sorted by (query, document).

    query: int32 positions. document: ids, since there is no position. grade: int32. No search can find such a
    document, and measures count it as one that was not found.
    """

    query: Positions
    document: tuple[str, ...]
    grade: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.query)

    @staticmethod
    def build(rows: Iterable[tuple[int, str, int]]) -> MissingJudgments:
        """From (query position, document id, grade) in any order."""
        ordered = sorted(rows)
        return MissingJudgments(
            query=np.array([query for query, _, _ in ordered], dtype=np.int32),
            document=tuple(document for _, document, _ in ordered),
            grade=np.array([grade for _, _, grade in ordered], dtype=np.int32),
        )

    def rows(self) -> Iterator[tuple[int, str, int]]:
        """(query position, document id, grade), in order."""
        return zip(self.query.tolist(), self.document, self.grade.tolist(), strict=True)


@dataclass(frozen=True)
class Split:
    """The queries of one side and their positive judgments; `qrels.query` points into `queries`.

    nonrelevant: what is judged with score 0 or below, kept only where it decides what is searched
        (`data.search_corpus: judged`). Its query is NO_QUERY where that query has no positive judgment.
    missing: positive judgments of documents that the corpus lacks (`data.missing_documents: drop`).
    given: negatives that the collection itself has for its queries; their grade is their place in the query's list,
        from 1.
    """

    queries: Queries
    qrels: Qrels
    nonrelevant: Qrels = field(default_factory=Qrels.empty)
    missing: MissingJudgments = field(default_factory=lambda: MissingJudgments.build([]))
    given: Qrels = field(default_factory=Qrels.empty)

    @property
    def judged_queries(self) -> Positions:
        """Sorted int32 positions of the queries with a positive judgment, of a missing document or not."""
        return np.union1d(self.qrels.query, self.missing.query).astype(np.int32)

    @property
    def content(self) -> list[str]:
        """What a content hash covers besides queries and positive judgments; nothing in an ordinary collection."""
        parts: list[str] = []
        if len(self.nonrelevant):
            parts += ["nonrelevant", self.nonrelevant.content_hash]
        if len(self.missing):
            parts += ["missing", hash_texts(str(value) for row in self.missing.rows() for value in row)]
        if len(self.given):
            parts += ["given", self.given.content_hash]
        return parts


@dataclass(frozen=True)
class Collection:
    """A corpus and its splits.

    splits: any of "train" (the whole pool, before `seed` draws from it), "dev", "test", "heldout" (test queries
        set aside from train by `data.heldout_queries`); further named qrels splits of a BEIR folder keep their name.
    minable: (N,) bool, the documents that may be mined (`data.mining_corpus`).
    report: what the loader counted (removed leaking queries, dangling judgments, title-only documents, ...).
    """

    name: str
    corpus: Corpus
    splits: Mapping[str, Split]
    minable: npt.NDArray[np.bool_]
    report: Mapping[str, int]

    @cached_property
    def content_hash(self) -> str:
        """Over everything a number can depend on; the report is not part of it."""
        parts = [self.corpus.content_hash, hashlib.sha256(np.packbits(self.minable).tobytes()).hexdigest()]
        for name in sorted(self.splits):
            split = self.splits[name]
            parts += [name, split.queries.content_hash, split.qrels.content_hash, *split.content]
        return hash_texts(parts)


@dataclass(frozen=True)
class Candidates:
    """A teacher's exact search: per query the best documents, best first, equal scores in corpus order.

    document: (Q, K) int32, padded with NO_DOCUMENT; score: (Q, K) float32, NaN where padded.
    positive_score: (J,) float32, aligned with the qrels that were searched, exact for every judged pair.
    positive_rank: (J,) int32, raw 1-based rank (before exclusions) among the minable documents; K + 1 means "beyond K".
    sparse: whether the teacher scores some documents of a query only, so that its row may end early and a judged pair
        may have no score (NaN).
    """

    document: Positions
    score: Scores
    positive_score: Scores
    positive_rank: Positions
    sparse: bool = False


@dataclass(frozen=True)
class Negatives:
    """R training rows (query, shown positive) with up to n negatives each, and why each one stands there.

    query, positive: (R,) int32 positions. All others are (R, n), one value per negative, since the negatives of an
    ensemble come from different teachers, whose scores are never compared with each other:
    document: int32, padded with NO_DOCUMENT where a row is short (`shortfall: fewer`).
    teacher: int8, which of the run's teachers ranked it (0 = the first one in the config); NO_TEACHER where none did.
    rank: int32, that teacher's raw 1-based rank, before exclusions; 0 where nothing was ranked.
    score, anchor_score, bar: float32, that teacher's; NaN where nothing was ranked or the method has no bar.
    probability: float32, of being a hidden positive, as the method estimates it; NaN where it estimates none.
    positive_score: float32, the shown positive under that teacher, or under the first one where nothing was ranked.
    known_false: bool, judged relevant but hidden from training, or an exact copy (normalised text) of such a document.
    """

    query: Positions
    positive: Positions
    document: Positions
    teacher: npt.NDArray[np.int8]
    rank: Positions
    score: Scores
    anchor_score: Scores
    bar: Scores
    probability: Scores
    positive_score: Scores
    known_false: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.query)

    def take(self, rows: npt.NDArray[np.integer]) -> Negatives:
        """The rows at `rows`, in that order."""
        return Negatives(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    @property
    def gap(self) -> Scores:
        """(R, n) float32: the positive's score less the negative's; NaN where nothing was ranked."""
        return self.positive_score - self.score

    @property
    def positive_scores(self) -> Scores:
        """(P,) float32: the shown positives' scores, one for each row and teacher that has a negative in it."""
        teacher = np.maximum(self.teacher, 0)
        earlier = [(teacher[:, :slot] == teacher[:, slot, None]).any(axis=1) for slot in range(teacher.shape[1])]
        first = ~np.stack(earlier, axis=1)
        scores: Scores = self.positive_score[first]
        return scores
