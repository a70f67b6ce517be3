"""What a record says of the negatives that were mined, each number with what it counts."""

from __future__ import annotations

from experiments.records.facts import Part


class Histogram(Part):
    """counts[i] falls in [edges[i], edges[i + 1]); the last bin is closed."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class RateBin(Part):
    """Known false negatives among the mined in one bin. `label` is a rank ("1") or a score range ("0.5 to 0.55")."""

    label: str
    mined: int
    known_false: int


class PlaceboFacts(Part):
    """Candidates that were taken out instead of revealed positives (mining.false_negatives=placebo), over all rows.

    matched, unmatched: revealed positives within depth that have one, and those for which no candidate was left.
    mean_rank_distance: between the two, in ranks after the exclusions. mean_score_difference: the placebo's score less
    the revealed positive's, by the teacher; ranks are matched, so what remains of it is a difference between the arms.
    """

    matched: int
    unmatched: int
    mean_rank_distance: float | None
    mean_score_difference: float | None


class ReliabilityBin(Part):
    """Candidates whose predicted probability falls in [low, high).

    predicted: their mean prediction. hidden: how many of them are hidden positives.
    """

    low: float
    high: float
    candidates: int
    hidden: int
    predicted: float


class CalibrationFacts(Part):
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


class MemberFacts(Part):
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


class MemberOverlap(Part):
    """How alike two members mine: mean Jaccard index of the negatives that each would give to a row, over all rows.

    As in NV-Retriever, Table 6. first, second: positions among the members. None where no row has a survivor.
    """

    first: int
    second: int
    jaccard: float | None


class MiningFacts(Part):
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
