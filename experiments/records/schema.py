"""What a finished run leaves behind: one small sorted JSON record, and per-query scores beside it.

`RunRecord` is the versioned schema. A field added later has a default; a change of meaning bumps SCHEMA_VERSION and
adds a pure migration to MIGRATIONS, applied when an older record is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.identity import digest

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2


def _from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 added versions, models, provenance and the digest; an older record has none of them."""
    return {**data, "schema_version": 2}


MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
"""From version v to v + 1: pure functions of the parsed JSON."""

MEASURES = ("nDCG@10", "R@100", "MRR@10", "AP@100")
PER_QUERY_COLUMNS = ("task", "query_id", *MEASURES)
"""Columns of a run's per-query parquet file: two strings, then float64 measures."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class CollectionFacts(_Part):
    """content_hash and what the loader counted."""

    content_hash: str
    documents: int
    queries: dict[str, int]
    report: dict[str, int]


class Histogram(_Part):
    """counts[i] falls in [edges[i], edges[i + 1]); the last bin is closed."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class RateBin(_Part):
    """Known false negatives among the mined in one bin. `label` is a rank ("1") or a score range ("0.5 to 0.55")."""

    label: str
    mined: int
    known_false: int


class PlaceboFacts(_Part):
    """Candidates that were taken out instead of revealed positives (mining.false_negatives=placebo), over all rows.

    matched, unmatched: revealed positives within depth that have one, and those for which no candidate was left.
    mean_rank_distance: between the two, in ranks after the exclusions. mean_score_difference: the placebo's score less
    the revealed positive's, by the teacher; ranks are matched, so what remains of it is a difference between the arms.
    """

    matched: int
    unmatched: int
    mean_rank_distance: float | None
    mean_score_difference: float | None


class ReliabilityBin(_Part):
    """Candidates whose predicted probability falls in [low, high).

    predicted: their mean prediction. hidden: how many of them are hidden positives.
    """

    low: float
    high: float
    candidates: int
    hidden: int
    predicted: float


class CalibrationFacts(_Part):
    """How well miner=topk_calibrated predicts which candidates are hidden positives, by fits that did not see them.

    Over the candidates of rows whose query text has hidden positives. brier: mean squared error of the prediction.
    reliability: by predicted probability, bins that are empty left out. chosen: mean prediction over the chosen
    negatives of all rows; what it predicts of is judged relevant, so it is a lower bound of what is relevant.
    """

    target: float
    rows: int
    candidates: int
    hidden: int
    brier: float
    reliability: tuple[ReliabilityBin, ...]
    chosen: float | None = None


class MemberFacts(_Part):
    """What one member of an ensemble gave, over the rows that are trained on; its scores are in its own units.

    rows: with a negative of it. duplicates: rows in which its best survivor was given by an earlier member already, and
    so stands there twice or was replaced; 0 where one member gives a whole row. above_positive: negatives that it
    scores above their row's positive.
    """

    name: str
    rows: int
    negatives: int
    known_false: int
    duplicates: int
    above_positive: int
    mean_rank: float | None
    mean_gap: float | None
    mean_positive_score: float | None
    mean_negative_score: float | None
    calibration: CalibrationFacts | None = None


class MemberOverlap(_Part):
    """How alike two members mine: mean Jaccard index of the negatives that each would give to a row, over all rows.

    As in NV-Retriever, Table 6. first, second: positions among the members. None where no row has a survivor.
    """

    first: int
    second: int
    jaccard: float | None


class MiningFacts(_Part):
    """The yield of mining and its audit.

    queries: training queries drawn. rows: rows with a shown positive (after positive_within). kept: rows trained on.
    short_rows: rows whose survivors were fewer than num_negatives. not_common: rows dropped by common_with.
    candidates, rejected: candidates looked at and those the bar rejected (`rejected_reasons` by reason).
    mean_rank: of the chosen negatives' raw ranks; mean_gap: positive score minus negative score, over the chosen.
    mined, known_false: chosen negatives, and those among them judged relevant but hidden, or exact copies of such.

    None in records of before these were counted: kept_queries: distinct queries among the kept rows. ranked: chosen
    negatives that a teacher ranked; above_positive: those that it scores above their own row's positive. hidden: what
    answers the rows' query texts, may be mined and is neither shown nor a copy of what is shown; hidden_copies,
    known_false_copies: those of `hidden` and of `known_false` that are not judged themselves but exact copies.
    no_anchor, ended: None where the teacher scores every document. no_anchor: rows dropped because their positive has
    no score; they are not among `rows`. ended: those of `rows` whose candidates end before `depth`.
    placebo, dropped_rows, relabelled: None where mining.false_negatives asks for another. dropped_rows: rows that had
    enough negatives, but a revealed positive among them. relabelled: those of `rows` whose positive was relabelled.
    members, overlap: None where one teacher ranks, or none; where several do, means and histograms of scores are left
    out above, since scores of two teachers are never compared.
    given: of miner=given, chosen negatives that are the data's own (the others have filled rows up). same_group: chosen
    negatives cut from the same whole as their positive; None where nothing names wholes. same_group_excluded:
    candidates that mining.same_group has excluded; None where it excludes none.
    evaluated: chosen negatives that are judged relevant for a query of another split of their collection than train;
    None where it has none.
    calibration: None where the method estimates no probabilities; of several teachers each member has its own.
    """

    queries: int
    rows: int
    kept: int
    short_rows: int
    not_common: int
    without_positive: int
    candidates: int
    rejected: int
    rejected_reasons: dict[str, int]
    mean_rank: float | None
    mean_gap: float | None
    mean_positive_score: float | None
    mean_negative_score: float | None
    mined: int
    known_false: int
    known_false_by_rank: tuple[RateBin, ...]
    known_false_by_score: tuple[RateBin, ...]
    histograms: dict[str, Histogram]
    """Keys: "rank", "gap", "positive_score", "negative_score"; absent where nothing was ranked."""
    kept_queries: int | None = None
    ranked: int | None = None
    above_positive: int | None = None
    hidden: int | None = None
    hidden_copies: int | None = None
    known_false_copies: int | None = None
    placebo: PlaceboFacts | None = None
    dropped_rows: int | None = None
    relabelled: int | None = None
    members: tuple[MemberFacts, ...] | None = None
    overlap: tuple[MemberOverlap, ...] | None = None
    calibration: CalibrationFacts | None = None
    given: int | None = None
    same_group: int | None = None
    same_group_excluded: int | None = None
    evaluated: int | None = None
    no_anchor: int | None = None
    ended: int | None = None

    @property
    def yield_(self) -> float:
        """Share of the rows with a shown positive that are trained on."""
        return self.kept / self.rows if self.rows else 0.0


class TrainingFacts(_Part):
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


class TaskScores(_Part):
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


class LeakCount(_Part):
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


class LeakFacts(_Part):
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


class Provenance(_Part):
    """Where a record comes from: no part of any digest or name, since two equal results may have two origins.

    commit: of the source tree that ran, "" outside a git checkout. dirty: whether tracked files differed from it.
    argv: the command line, with absolute paths cut to their last part. started, finished: UTC, ISO 8601.
    """

    commit: str
    dirty: bool
    argv: tuple[str, ...]
    started: str
    finished: str


class RunRecord(_Part):
    """One finished run.

    environment: python, packages, processor, flags, device, threads. timings: seconds per stage, 0.0 for a reused
    artifact; cost: what making every artifact of the run took, whoever made it (so a shared one counts fully).
    artifacts: stage and what it was for -> key. per_query: sha256 of the per-query scores' canonical content, "" for a
    mining-only run. versions: stage -> version of its numbers; a stage that is absent had version 1.
    inputs: artifact -> what differs of the environment that it was made in, where an earlier run made it in another.
    models: hub model -> the commit it was resolved to, where the config names none.
    data_sets: hub data set that is trained on -> the commit it was resolved to, where the config names none.
    mining_parts: of a mixture, the facts of each part by name, which `mining` holds the total of.
    leaks: of a run that mines; None in records of before it was counted.
    digest: of everything but provenance and itself; "" in records of schema 1.
    """

    schema_version: int
    run_id: str
    config: dict[str, Any]
    environment: dict[str, Any]
    collections: dict[str, CollectionFacts]
    mining: MiningFacts | None
    training: TrainingFacts | None
    tasks: dict[str, TaskScores]
    timings: dict[str, float]
    cost: dict[str, float]
    artifacts: dict[str, str]
    per_query: str
    versions: dict[str, int] = {}
    models: dict[str, str] = {}
    data_sets: dict[str, str] = {}
    mining_parts: dict[str, MiningFacts] = {}
    inputs: dict[str, dict[str, Any]] = {}
    leaks: LeakFacts | None = None
    provenance: Provenance | None = None
    digest: str = ""

    @property
    def stages(self) -> set[str]:
        """The stages whose artifacts the run used."""
        return {name.partition(" ")[0] for name in self.artifacts}

    @property
    def content_digest(self) -> str:
        """What `digest` should be: equal iff config, environment, figures, timings and keys are."""
        return content_digest(self.model_dump(mode="json"))

    def sealed(self) -> RunRecord:
        """The record with its digest."""
        return self.model_copy(update={"digest": self.content_digest})

    @property
    def environment_digest(self) -> str:
        """Names the second result of one run_id from another environment."""
        return digest(self.environment)

    def run_config(self) -> RunConfig:
        """The config, typed."""
        return RunConfig.model_validate(self.config)


def content_digest(data: Mapping[str, Any]) -> str:
    """Digest of a record as plain JSON, without its origin and without the digest itself.

    Taken of the JSON and not of the model, so that a field that is added to the schema later does not make every record
    look edited.
    """
    return digest({name: value for name, value in data.items() if name not in ("digest", "provenance")})


def dump_record(record: RunRecord) -> str:
    """Sorted JSON text, newline-terminated: equal records are equal bytes."""
    return (
        json.dumps(record.model_dump(mode="json"), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )


def per_query_digest(scores: pd.DataFrame) -> str:
    """sha256 of PER_QUERY_COLUMNS sorted by task and query, as CSV with shortest round-trip floats.

    Equal for equal scores whatever the order of the rows and however the strings are held. Raises KeyError where a
    column is missing.
    """
    keys = ["task", "query_id"]
    typed = scores[list(PER_QUERY_COLUMNS)].astype(dict.fromkeys(keys, "str"))
    ordered = typed.astype(dict.fromkeys(MEASURES, "float64")).sort_values(keys, kind="stable")
    return hashlib.sha256(ordered.to_csv(index=False, lineterminator="\n").encode("utf-8")).hexdigest()


def parse_record(text: str, *, source: Path | str) -> RunRecord:
    """A record of this or an older schema. Raises UserError naming `source` for anything else, or an edited one."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source}: not JSON ({error}): delete the file and run again") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if type(version) is not int or version not in {*MIGRATIONS, SCHEMA_VERSION}:
        raise UserError(
            f"{source}: schema_version {version!r} is not known here (this version reads up to {SCHEMA_VERSION}): "
            "update this software, or remove the record"
        )
    if data.get("digest", "") not in ("", content_digest(data)):
        raise UserError(f"{source}: its content is not what its digest says, so it was edited: remove it and run again")
    try:
        for step in range(version, SCHEMA_VERSION):
            data = MIGRATIONS[step](data)
        return RunRecord.model_validate(data)
    except (KeyError, TypeError, AttributeError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(
            f"{source}: not a whole record of schema {version} ({what}): delete the file and run again"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{source}: {where}: {first['msg']}: delete the file and run again") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
