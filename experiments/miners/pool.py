"""What every method of one teacher starts from: rows, exclusions, and the candidates that may be looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from experiments.collections.draw import draw_train_queries
from experiments.config import DataConfig, MiningConfig
from experiments.ir import NO_DOCUMENT, Candidates, Collection, Positions, Qrels, Scores
from experiments.miners.chunks import chunks
from experiments.miners.evaluated import evaluated_documents, minable_under
from experiments.miners.exclusions import Exclusions, Relevant, exclude_always, exclude_group, relevant_pairs, reveal
from experiments.miners.pairs import PairSet
from experiments.miners.parents import Parents, find_parents
from experiments.miners.placebo import find_placebos
from experiments.miners.reasons import BEYOND_DEPTH, PADDING, SURVIVOR
from experiments.miners.rows import Rows, anchor_scores, show_positives, with_anchor
from experiments.miners.texts import group_texts
from experiments.records.mining import PlaceboFacts


@dataclass(frozen=True)
class Pool:
    """R rows and K candidates each, before a method decides.

    queries: training queries drawn. no_anchor, ended: as in MiningFacts. anchor: (R,) float32. relevant: pairs (query
    text, document), judged or a copy of what is judged; revealed: those of them that `mining.reveal` covers. excluded:
    what may not be mined. placebo: how well placebos match; relabelled: rows of relabelled positives; each None where
    not asked for.
    minable: (M,) int32 documents, ascending. free: (R,) int64, minable documents outside the row's exclusions.
    state: (R, K) int8 codes of reasons.py; SURVIVOR = may be mined and lies within `depth` after the exclusions.
    given: the train split's own negatives; parents: what each document was cut from, None where nothing says so;
    evaluated: (N,) bool, documents that are relevant in evaluation, None where no split is evaluated.
    """

    queries: int
    rows: Rows
    no_anchor: int
    ended: int
    anchor: Scores
    relevant: PairSet
    revealed: Relevant
    excluded: Exclusions
    placebo: PlaceboFacts | None
    relabelled: int | None
    minable: Positions
    free: npt.NDArray[np.int64]
    candidates: Candidates
    state: npt.NDArray[np.int8]
    mining: MiningConfig
    seed: int
    given: Qrels = field(default_factory=Qrels.empty)
    parents: Parents | None = None
    evaluated: npt.NDArray[np.bool_] | None = None

    def chunks(self) -> list[slice]:
        """Slices of rows of at most CHUNK_CELLS cells each."""
        return chunks(len(self.rows), self.state.shape[1])


def make_pool(
    collection: Collection,
    candidates: Candidates,
    *,
    data: DataConfig,
    mining: MiningConfig,
    seed: int,
    relabelled: Rows | None = None,
    reference: Candidates | None = None,
) -> Pool:
    """Draw the queries and their shown positives, exclude, and look at the first `depth` of what is left.

    relabelled: rows to add (`mining.false_negatives=relabel`). Without them nothing that is revealed is excluded then:
    that pool is for finding them.
    reference: whose ranks `positive_within` counts, where these are not the candidates' own (a member of an ensemble).
    Raises ValueError if the candidates stop before `depth` (`depth.fetch_depth` says how many are needed).
    """
    collection = minable_under(collection, mining)
    split = collection.splits["train"]
    drawn = draw_train_queries(split, data=data, seed=seed)
    groups = group_texts(collection, ignore_identical_ids=data.ignore_identical_ids)
    rows = show_positives(
        drawn,
        split.qrels,
        groups,
        candidates,
        reference=candidates if reference is None else reference,
        data=data,
        mining=mining,
        seed=seed,
    )
    if relabelled is not None:
        rows = rows.merged(relabelled)
    rows, no_anchor = with_anchor(rows, sparse=candidates.sparse)
    relevant = relevant_pairs(collection, groups)
    revealed = reveal(relevant, share=mining.reveal, seed=seed)
    parents = find_parents(collection.corpus)
    always = exclude_always(rows, relevant.pairs, groups, data=data)
    if mining.same_group == "exclude" and parents is not None:
        always = exclude_group(always, parents)
    blind = mining.false_negatives == "relabel" and relabelled is None
    known = PairSet.build(always.documents) if blind else revealed.pairs
    excluded, placebo = _exclude(rows, candidates, always, relevant.pairs, known, mining=mining, seed=seed)
    minable = np.flatnonzero(collection.minable).astype(np.int32)
    free = len(minable) - excluded.count(rows.group, collection.minable)
    state = _look(rows, candidates, excluded, mining.depth)
    ended = count_ended(rows, candidates, state, np.minimum(mining.depth, free))
    return Pool(
        queries=len(drawn),
        rows=rows,
        no_anchor=no_anchor,
        ended=ended,
        anchor=anchor_scores(rows, mining.anchor),
        relevant=relevant.pairs,
        revealed=revealed,
        excluded=excluded,
        placebo=placebo,
        relabelled=None if relabelled is None else len(relabelled),
        minable=minable,
        free=free,
        candidates=candidates,
        state=state,
        mining=mining,
        seed=seed,
        given=split.given,
        parents=parents,
        evaluated=evaluated_documents(collection),
    )


def _exclude(
    rows: Rows,
    candidates: Candidates,
    always: PairSet,
    relevant: PairSet,
    revealed: PairSet,
    *,
    mining: MiningConfig,
    seed: int,
) -> tuple[Exclusions, PlaceboFacts | None]:
    """What `mining.false_negatives` takes out beside what is excluded in any case."""
    match mining.false_negatives:
        case "remove" | "relabel":
            return Exclusions(by_text=PairSet.union(always, revealed), by_row=PairSet.build(always.documents)), None
        case "drop_row":
            return Exclusions(by_text=always, by_row=PairSet.build(always.documents)), None
        case "placebo":
            pairs, facts = find_placebos(
                rows,
                candidates,
                excluded=always,
                relevant=relevant,
                revealed=revealed,
                depth=mining.depth,
                seed=seed,
            )
            return Exclusions(by_text=always, by_row=pairs), facts


def _look(rows: Rows, candidates: Candidates, excluded: Exclusions, depth: int) -> npt.NDArray[np.int8]:
    """(R, K) codes: what is excluded, what lies beyond the first `depth` of the rest, and those first ones."""
    width = candidates.document.shape[1]
    state = np.empty((len(rows), width), dtype=np.int8)
    row = np.arange(len(rows))
    for part in chunks(len(rows), width):
        document = candidates.document[rows.query[part]]
        code = excluded.codes(row[part, None], rows.group[part, None], document)
        # The key of a padded -1 may be another pair's, so padding is told by the document and written last.
        code[code == 0] = SURVIVOR
        code[document == NO_DOCUMENT] = PADDING
        admitted = code == SURVIVOR
        code[admitted & (np.cumsum(admitted, axis=1, dtype=np.int32) > depth)] = BEYOND_DEPTH
        state[part] = code
    return state


def count_ended(rows: Rows, candidates: Candidates, state: npt.NDArray[np.int8], wanted: npt.NDArray[np.int64]) -> int:
    """How many rows look at fewer candidates than `wanted` (R,), because the teacher has scored no more.

    Raises ValueError where it has: the search stopped too early.
    """
    looked = np.count_nonzero(state == SURVIVOR, axis=1)
    short = looked < wanted
    ended = (candidates.document[rows.query, -1] == NO_DOCUMENT) & candidates.sparse
    if np.any(short & ~ended):
        raise ValueError(
            f"a row has {looked[short & ~ended].min()} candidates after the exclusions of {wanted.max()}: fetch deeper"
        )
    return int(np.count_nonzero(short))
