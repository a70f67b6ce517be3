"""What a record says of a run beside its mining: collections, leaks, training, scores, where it comes from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A piece of a record: frozen, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class CollectionFacts(Part):
    """content_hash and what the loader counted."""

    content_hash: str
    documents: int
    queries: dict[str, int]
    report: dict[str, int]


class LeakCount(Part):
    """Training data of one collection that repeats, by its text, what one task asks or answers with.

    part: the collection trained on; task: what is evaluated, measured by this run or not. of: "queries" counts
    training queries, "positives" pairs of a training query and a passage relevant for it. to: "queries", or "documents"
    that are relevant for them. exact: of equal normalised text; near: of a similarity of `LeakFacts.near` or more.
    """

    part: str
    task: str
    of: Literal["queries", "positives"]
    to: Literal["queries", "documents"]
    exact: int
    near: int


class LeakFacts(Part):
    """What training data repeats of what is evaluated, beside the exact copies of queries that have left train before.

    near: the similarity that counts, None where only equal texts do. queries, positives: how many training queries and
    pairs with a relevant passage were compared, those that were removed included. tasks: what they were compared with.
    found: the counts above 0. removed: training queries removed for it (data.leak.action=remove), of which `found`
    still counts. unchecked: tasks whose texts could not be had.
    """

    near: float | None
    queries: int
    positives: int
    tasks: tuple[str, ...]
    found: tuple[LeakCount, ...]
    removed: int = 0
    unchecked: tuple[str, ...] = ()


class TrainingFacts(Part):
    """rows, steps, passes over the rows; thinned (step, loss) and (step, learning rate).

    collapsed: final loss within 1% of log(documents scored per query) and mean document-document cosine over .95.
    mean_cosine: between documents of the training rows, after training.

    Counted over all steps, in (query, document) pairs that were scored, a row's own positive and padding apart, and
    None where nothing could be masked (distillation) or nobody counted (older records): maskable, all of them; masked,
    those left out of the softmax; masked_positive, those of them that a row shows as a positive of that query;
    masked_known_false, those that are judged relevant but hidden (copies included); known_false, all such pairs.
    """

    rows: int
    steps: int
    passes: float
    loss: tuple[tuple[int, float], ...]
    learning_rate: tuple[tuple[int, float], ...]
    final_loss: float
    mean_cosine: float
    collapsed: bool
    maskable: int | None = None
    masked: int | None = None
    masked_positive: int | None = None
    masked_known_false: int | None = None
    known_false: int | None = None


class TaskScores(Part):
    """Means over the task's queries; `mteb` is mteb's own figure for nDCG@10, rounded to 5 decimals as it gives it.

    query_length, passage_length: tokens the texts were cut at, prompt included. cut_queries, cut_passages: the share of
    texts that were longer. All four are None in a record made before they were measured; a length is None, too, where
    the model has no limit.
    """

    queries: int
    documents: int
    measures: dict[str, float]
    mteb: float | None
    content_hash: str
    query_length: int | None = None
    passage_length: int | None = None
    cut_queries: float | None = None
    cut_passages: float | None = None


class Provenance(Part):
    """Where a record comes from: no part of any digest or name, since two equal results may have two origins.

    commit: of the source tree that ran, "" outside a git checkout. dirty: whether tracked files differed from it.
    argv: the command line, with absolute paths cut to their last part. started, finished: UTC, ISO 8601.
    """

    commit: str
    dirty: bool
    argv: tuple[str, ...]
    started: str
    finished: str
