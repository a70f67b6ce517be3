"""Scores and vectors from files: written from a teacher of our own they rank as that teacher does; else one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import BeirData, Bm25Teacher, DenseTeacher, MiningConfig, NaiveTopK, PrecomputedTeacher
from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Candidates, Collection, Negatives, Qrels
from experiments.miners.mine import mine
from experiments.stages.embed import embed
from experiments.stages.retrieve import retrieve
from experiments.store import Store
from experiments.teachers.score_files import content_of, files_of
from experiments.teachers.sparse import Pairs, rank_pairs
from tests.helpers.toy import toy_execution
from tests.teachers.small import collection

DEPTH = 20
STATIC = DenseTeacher(name="static", source="embedded_static")
Rows = list[tuple[str, str, float]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def candidates(small: Collection, teacher: Any, store: Store, path: Path | None = None) -> Candidates:
    execution = toy_execution(store.root).model_copy(update={"ranking_paths": {} if path is None else {"made": path}})
    return retrieve(small, teacher=teacher, depth=DEPTH, store=store, execution=execution, embed=embed)[0]


def teacher_of(path: Path, form: str, **more: Any) -> PrecomputedTeacher:
    content = content_of(path, files_of(path, form, more.get("split")))
    return PrecomputedTeacher(name="made", format=form, content=content, **more)


def scored(small: Collection, found: Candidates) -> Rows:
    """What was found, and every judged pair wherever it ranks, in a shuffled order."""
    train = small.splits["train"]
    rows = {
        (int(q), int(d)): float(found.score[q, column])
        for q, row in enumerate(found.document)
        for column, d in enumerate(row)
        if d != NO_DOCUMENT
    }
    judged = zip(train.qrels.query, train.qrels.document, found.positive_score, strict=True)
    rows |= {(int(q), int(d)): float(score) for q, d, score in judged}
    listed = [(train.queries.ids[q], small.corpus.ids[d], score) for (q, d), score in rows.items()]
    return [listed[i] for i in np.random.default_rng(0).permutation(len(listed))]


def write_trec(folder: Path, rows: Rows) -> Path:
    path = folder / "made.trec"
    path.write_text("".join(f"{q} Q0\t{d} 1 {score!r} tag\n" for q, d, score in rows), encoding="utf-8")
    return path


def write_parquet(folder: Path, rows: Rows) -> Path:
    path = folder / "made.parquet"
    pd.DataFrame(rows, columns=["query-id", "doc-id", "score"]).to_parquet(path)
    return path


def write_lists(folder: Path, rows: Rows) -> Path:
    """As the hub's set: a folder scores/ with files of a split; a query may have several rows."""
    (folder / "scores").mkdir(exist_ok=True)
    table = pd.DataFrame(rows, columns=["query_id", "document_ids", "scores"])
    table["part"] = np.arange(len(table)) % 2
    for part, half in table.groupby("part"):
        lists = half.groupby("query_id")[["document_ids", "scores"]].agg(list).reset_index()
        pq.write_table(pa.Table.from_pandas(lists), folder / "scores" / f"toy-0000{part}.parquet")
    pq.write_table(pa.table({"query_id": ["x"]}), folder / "scores" / "other-00000.parquet")
    return folder


WRITERS: dict[str, Callable[[Path, Rows], Path]] = {
    "trec": write_trec,
    "parquet": write_parquet,
    "lists": write_lists,
}


def written(folder: Path, form: str, rows: Rows, **more: Any) -> tuple[Path, PrecomputedTeacher]:
    path = WRITERS[form](folder, rows)
    return path, teacher_of(path, form, **({"split": "toy"} if form == "lists" else {}), **more)


def mined(small: Collection, found: Candidates, **mining: Any) -> Any:
    settings = MiningConfig(**{"num_negatives": 2, "depth": 5, **mining})
    data = BeirData(name="small", positives="one")
    return mine(collection=small, data=data, candidates=found, miner=NaiveTopK(), mining=settings, seed=3)


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("minable_share", [1.0, 0.7])
def test_a_run_of_bm25_ranks_and_mines_as_bm25(form: str, minable_share: float, store: Store, tmp_path: Path) -> None:
    small = collection(minable_share=minable_share)
    own = candidates(small, Bm25Teacher(), store)
    path, teacher = written(tmp_path, form, scored(small, own))
    found = candidates(small, teacher, store, path)
    for name in ("document", "score", "positive_score", "positive_rank"):
        assert np.array_equal(getattr(found, name), getattr(own, name), equal_nan=True)
    assert (found.sparse, own.sparse) == (True, False)
    one, other = mined(small, own), mined(small, found)
    for field in fields(Negatives):
        assert np.array_equal(
            getattr(one.negatives, field.name),
            getattr(other.negatives, field.name),
            equal_nan=np.issubdtype(getattr(one.negatives, field.name).dtype, np.floating),
        )
    assert (other.facts.no_anchor, other.facts.ended) == (0, 0)
    assert (one.facts.no_anchor, one.facts.ended) == (None, None)


def write_vectors(folder: Path, small: Collection, store: Store) -> Path:
    execution, draw = toy_execution(store.root), np.random.default_rng(1)
    queries = small.splits["train"].queries
    sides = {
        "documents": (small.corpus.passages, small.corpus.ids, "document"),
        "queries": (queries.texts, queries.ids, "query"),
    }
    for name, (texts, ids, role) in sides.items():
        vectors, _ = embed(texts, encoder=STATIC, role=role, store=store, execution=execution)  # type: ignore[arg-type]
        order = draw.permutation(len(ids))
        np.save(folder / f"{name}.npy", np.array(vectors)[order])
        (folder / f"{name}.txt").write_text("".join(f"{ids[i]}\n" for i in order), encoding="utf-8")
    return folder


def test_vectors_of_a_dense_teacher_rank_as_it_does(store: Store, tmp_path: Path) -> None:
    small = collection(minable_share=0.7)
    own = candidates(small, STATIC, store)
    path = write_vectors(tmp_path, small, store)
    found = candidates(small, teacher_of(path, "embeddings"), store, path)
    for name in ("document", "score", "positive_score", "positive_rank"):
        assert np.array_equal(getattr(found, name), getattr(own, name))
    assert not found.sparse


def test_rows_without_an_anchor_are_dropped_and_rows_that_end_early_are_counted(store: Store, tmp_path: Path) -> None:
    small = collection()
    train = small.splits["train"]
    judged: dict[int, set[int]] = {}
    for q, d in zip(train.qrels.query.tolist(), train.qrels.document.tolist(), strict=True):
        judged.setdefault(q, set()).add(d)
    texts = small.corpus.texts
    rows: Rows = []
    for q, name in enumerate(train.queries.ids):
        positives = [] if q % 3 == 0 else sorted(judged[q])
        others = [d for d in range(60) if texts[d] not in {texts[p] for p in judged[q]}][: 8 if q % 3 == 1 else 3]
        rows += [(name, f"d{d}", 1.0 - i / 100) for i, d in enumerate([*positives, *others])]
    path, teacher = written(tmp_path, "trec", rows)
    result = mined(small, candidates(small, teacher, store, path), num_negatives=3)
    assert set(result.negatives.query.tolist()) == {q for q in range(12) if q % 3}
    assert (result.facts.rows, result.facts.no_anchor, result.facts.ended) == (8, 4, 4)
    # A list of three others holds the query's hidden positive as well.
    assert (result.facts.kept, result.facts.candidates) == (8, 4 * 5 + 4 * 4)
    short = mined(small, candidates(small, teacher, store, path), num_negatives=5)
    assert (short.facts.kept, short.facts.short_rows) == (4, 4)
    (tmp_path / "none").mkdir()
    path, teacher = written(tmp_path / "none", "trec", [row for row in rows if row[0] in {"q0", "q3", "q6", "q9"}])
    with pytest.raises(UserError, match="the teacher has scored none of the 12 shown positives"):
        mined(small, candidates(small, teacher, store, path), num_negatives=3)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(-3, 3)), max_size=60),
    st.integers(1, 12),
    st.integers(1, 4),
    st.sets(st.integers(0, 9), min_size=1),
)
@settings(max_examples=200, deadline=None)
def test_scored_pairs_are_ranked_as_by_sorting(
    rows: list[tuple[int, int, int]], depth: int, parts: int, minable: set[int]
) -> None:
    small = collection(documents=60, queries=12)
    mask = np.isin(np.arange(60), sorted(minable))
    small = Collection(small.name, small.corpus, small.splits, mask, {})
    scores = {(q, d): float(score) for q, d, score in rows}
    qrels = Qrels.build(query=[0, 1, 5, 7], document=[0, 3, 9, 50], grade=[1] * 4)
    keys = sorted(scores)
    split = [
        Pairs(
            query=np.array([q for q, _ in some], dtype=np.int32),
            document=np.array([d for _, d in some], dtype=np.int32),
            score=np.array([scores[key] for key in some], dtype=np.float32),
        )
        for some in (keys[i::parts] for i in range(parts))
    ]

    def ranked() -> Any:
        return rank_pairs(split, collection=small, queries=12, qrels=qrels, depth=depth)

    if not any(d in minable or (q, d) in {(0, 0), (1, 3), (5, 9), (7, 50)} for q, d in scores):
        with pytest.raises(UserError, match="none of the scored pairs"):
            ranked()
        return
    found = ranked()
    assert found.document.shape == (12, min(depth, len(minable)))
    for query in range(12):
        best = sorted(((-s, d) for (q, d), s in scores.items() if q == query and d in minable))[:depth]
        there = found.document[query] != NO_DOCUMENT
        assert found.document[query][there].tolist() == [d for _, d in best]
        assert found.score[query][there].tolist() == [-s for s, _ in best]
        assert np.isnan(found.score[query][~there]).all()
    wanted = [scores.get((q, d), np.nan) for q, d in zip(qrels.query.tolist(), qrels.document.tolist(), strict=True)]
    assert np.array_equal(found.positive_score, np.array(wanted, dtype=np.float32), equal_nan=True)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("q0 Q0 d1 1 nan tag", r"made.trec:3: the score of query 'q0' and document 'd1' is nan"),
        ("q0 Q0 d1 1 1e39 tag", r"made.trec:3: the score of .* is 1e\+39: a ranking needs finite"),
        ("q0 Q0 d1 1 high tag", r"made.trec:3: the score 'high' is no number"),
        ("q0 Q0 d1 1 0.5", r"made.trec:3: has not six columns"),
        ("q0 Q0 d1 1 0.5 a tag", r"made.trec:3: has not six columns"),
        ("q0 Q0 d0 1 0.25 tag", r"query 'q0' and document 'd0' have two scores, 0.25 and 0.5"),
        ("q0 Q0 dx 1 0.5 tag", r"1 of its entries name documents that small does not have \(first: 'dx'\)"),
        (
            "qx Q0 d1 1 0.5 tag\nqx Q0 d2 1 0.5 tag",
            r"2 of its entries name queries that small does not have \(first: 'qx'\)",
        ),
    ],
)
def test_a_run_file_that_cannot_be_used_is_one_line(line: str, says: str, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "made.trec"
    path.write_text(f"q0 Q0 d0 1 0.5 tag\nq1 Q0 d0 1 0.5 tag\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=says) as caught:
        candidates(collection(), teacher_of(path, "trec"), store, path)
    assert "\n" not in str(caught.value)


def test_unknown_ids_can_be_dropped(store: Store, tmp_path: Path) -> None:
    rows: Rows = [("q0", "d0", 0.5), ("q0", "dx", 0.7), ("qx", "d1", 0.5)]
    path, teacher = written(tmp_path, "parquet", rows, unknown_ids="drop")
    found = candidates(collection(), teacher, store, path)
    assert found.document[0, :2].tolist() == [0, NO_DOCUMENT]
    assert (found.document[1:] == NO_DOCUMENT).all()


def test_files_of_another_form_are_one_line(store: Store, tmp_path: Path) -> None:
    small = collection()
    pd.DataFrame({"query-id": ["q0"], "doc": ["d0"], "score": [1.0]}).to_parquet(tmp_path / "made.parquet")
    with pytest.raises(UserError, match=r"has no column 'doc-id' \(it has: query-id, doc, score\)"):
        candidates(small, teacher_of(tmp_path, "parquet"), store, tmp_path)
    pd.DataFrame({"query-id": ["q0"], "doc-id": ["d0"], "score": ["high"]}).to_parquet(tmp_path / "made.parquet")
    with pytest.raises(UserError, match=r"made.parquet: its columns cannot be read as ids and scores \(.*high"):
        candidates(small, teacher_of(tmp_path, "parquet"), store, tmp_path)
    uneven = pa.table({"query_id": ["q0", "q1"], "document_ids": [["d0"], ["d1", "d2"]], "scores": [[0.5], [0.5]]})
    (tmp_path / "lists").mkdir()
    pq.write_table(uneven, tmp_path / "lists" / "a.parquet")
    with pytest.raises(UserError, match=r"a.parquet, row 1: 2 document_ids and 1 scores"):
        candidates(small, teacher_of(tmp_path / "lists", "lists"), store, tmp_path / "lists")
    flat = pa.table({"query_id": ["q0"], "document_ids": ["d0"], "scores": [0.5]})
    pq.write_table(flat, tmp_path / "lists" / "a.parquet")
    with pytest.raises(UserError, match=r"a.parquet: its columns cannot be read as ids and scores"):
        candidates(small, teacher_of(tmp_path / "lists", "lists"), store, tmp_path / "lists")
    with pytest.raises(UserError, match=r"holds no nq-\*.parquet"):
        files_of(tmp_path / "lists", "lists", "nq")


def test_vectors_that_do_not_fit_are_one_line(store: Store, tmp_path: Path) -> None:
    small = collection()
    path = write_vectors(tmp_path, small, store)
    whole = np.load(path / "documents.npy")
    names = (path / "documents.txt").read_text(encoding="utf-8").splitlines()

    def refused(vectors: Any, ids: list[str], says: str) -> None:
        np.save(path / "documents.npy", vectors)
        (path / "documents.txt").write_text("\n".join(ids), encoding="utf-8")
        with pytest.raises(UserError, match=says):
            candidates(small, teacher_of(path, "embeddings"), store, path)

    broken = whole.copy()
    broken[4, 2] = np.nan
    refused(broken, names, f"the vector of '{names[4]}' has NaN or infinite numbers")
    refused(whole[1:], names[1:], rf"no vector for 1 of 60 ids \(first: '{names[0]}'\)")
    refused(whole[1:], names, r"of shape \(59, 384\), documents.txt has 60 ids")
    refused(whole, [names[1], *names[1:]], f"the id '{names[1]}' stands there twice")
    refused(whole[:, :100], names, "queries have 384 dimensions, documents 100")
    (path / "documents.txt").write_bytes(b"\xff\n")
    with pytest.raises(UserError, match=r"documents.txt: not UTF-8"):
        candidates(small, teacher_of(path, "embeddings"), store, path)
    refused(
        np.vstack([whole, whole[:1]]),
        [*names, "dx"],
        r"1 of its entries name documents that small does not have \(first: 'dx'\)",
    )


def test_files_that_have_changed_are_refused_and_stored_rankings_need_none(store: Store, tmp_path: Path) -> None:
    small = collection()
    path, teacher = written(tmp_path, "trec", [("q0", "d0", 0.5)])
    first = candidates(small, teacher, store, path)
    assert np.array_equal(candidates(small, teacher, store).document, first.document)
    path.write_text("q0 Q0 d0 1 0.25 tag\n", encoding="utf-8")
    with pytest.raises(UserError, match="has changed: its digest is"):
        candidates(small, teacher, Store(tmp_path / "another"), path)
    with pytest.raises(UserError, match="no path for the precomputed teacher 'made'"):
        candidates(small, teacher, Store(tmp_path / "another"))
