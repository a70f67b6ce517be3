"""data=beir: a folder in BEIR form -> a Collection, with leaks removed and dev and held-out queries set aside.

What real collections hold besides plain rows (title-only documents, unjudged queries, judgments that point nowhere,
score-0 rows, identical documents) is counted in the report, not refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.collections.beir_files import BeirFolder, Judgment, read_folder
from experiments.collections.carve import where, without_leaks
from experiments.collections.splits import LEAKING, minable_documents
from experiments.config import BeirData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import derive_seed
from experiments.ir import Collection, Corpus, Positions, Qrels, Queries, Split, normalise_text


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


def load_beir(data: BeirData, *, execution: Execution) -> Collection:
    """The collection `data` describes. Raises UserError for a defect in its files or too few train queries."""
    folder = read_folder(beir_path(data.name, execution))
    report = _count_documents(folder.corpus)
    splits = _judged_splits(folder, report)
    if "train" in splits:
        splits = _without_leaks(splits, report)
    for name, count, needed in (
        ("heldout", data.heldout_queries, True),
        ("dev", data.dev_queries, "dev" not in splits),
    ):
        if count and needed:
            splits = _set_aside(splits, name, count, data=data, corpus=folder.corpus, report=report)
    report["evaluation_texts_in_several_splits"] = _texts_in_several(splits)
    return Collection(
        name=data.name,
        corpus=folder.corpus,
        splits=splits,
        minable=minable_documents(len(folder.corpus), splits, data),
        report=report,
    )


def _count_documents(corpus: Corpus) -> dict[str, int]:
    blank = [not text.strip() for text in corpus.texts]
    titled = [bool(title.strip()) for title in corpus.titles]
    copies = Counter(normalise_text(passage) for passage in corpus.passages)
    return {
        "documents": len(corpus),
        "title_only_documents": sum(b and t for b, t in zip(blank, titled, strict=True)),
        "empty_documents": sum(b and not t for b, t in zip(blank, titled, strict=True)),
        "duplicate_text_documents": len(corpus) - len(copies),
    }


def _judged_splits(folder: BeirFolder, report: dict[str, int]) -> dict[str, Split]:
    """Each split's queries that have a positive judgment, in file order of the queries."""
    query_at = {name: i for i, name in enumerate(folder.queries.ids)}
    document_at = {name: i for i, name in enumerate(folder.corpus.ids)}
    report |= dict.fromkeys(
        ("dangling_judgments", "zero_score_rows", "duplicate_judgments", "queries_without_positive"), 0
    )
    splits = {}
    for name, rows in folder.qrels.items():
        split = _split(folder.queries, _resolve(rows, query_at, document_at, report))
        if len(split.queries):
            splits[name] = split
        judged = {query for query, _, _ in rows if query in query_at}
        report["queries_without_positive"] += len(judged) - len(split.queries)
    judged = {query for rows in folder.qrels.values() for query, _, _ in rows}
    report["unjudged_queries"] = sum(name not in judged for name in folder.queries.ids)
    return splits


def _resolve(
    rows: Iterable[Judgment],
    query_at: Mapping[str, int],
    document_at: Mapping[str, int],
    report: dict[str, int],
) -> dict[tuple[int, int], int]:
    """(query, document) positions -> the highest positive grade."""
    grades: dict[tuple[int, int], int] = {}
    for query, document, grade in rows:
        q, d = query_at.get(query), document_at.get(document)
        if q is None or d is None:
            report["dangling_judgments"] += 1
        elif grade <= 0:
            report["zero_score_rows"] += 1
        else:
            report["duplicate_judgments"] += (q, d) in grades
            grades[q, d] = max(grade, grades.get((q, d), 0))
    return grades


def _split(queries: Queries, grades: Mapping[tuple[int, int], int]) -> Split:
    pairs = np.array(list(grades), dtype=np.int32).reshape(-1, 2)
    kept, query = np.unique(pairs[:, 0], return_inverse=True)
    qrels = Qrels.build(query=query, document=pairs[:, 1], grade=list(grades.values()))
    return Split(queries=queries.take(kept), qrels=qrels)


def _without_leaks(splits: Mapping[str, Split], report: dict[str, int]) -> dict[str, Split]:
    """`splits` with a train split that repeats no other split's query text."""
    others = {text for name, split in splits.items() if name != "train" for text in split.queries.normalised}
    left, removed = without_leaks(splits, others)
    report[LEAKING] = report.get(LEAKING, 0) + removed
    return left


def _texts_in_several(splits: Mapping[str, Split]) -> int:
    """Query texts that stand in two or more splits besides train: choosing on one looks at the other."""
    texts = [
        {normalise_text(text) for text in split.queries.texts} for name, split in splits.items() if name != "train"
    ]
    return sum(count > 1 for count in Counter(text for one in texts for text in one).values())


def _set_aside(
    splits: Mapping[str, Split],
    name: str,
    count: int,
    *,
    data: BeirData,
    corpus: Corpus,
    report: dict[str, int],
) -> dict[str, Split]:
    """Move `count` train queries into the split `name`, chosen by `split_seed`.

    Whole groups leave train until they hold `count` queries; what the last group holds beyond that is in neither.
    """
    if name in splits:
        raise UserError(f"{data.name} has a {name} split of its own: drop data.{name}_queries={count}")
    train = splits.get("train")
    available = len(train.queries) if train is not None else 0
    if train is None or count >= available:
        raise UserError(
            f"data.{name}_queries={count} must leave train queries, but {data.name} has {available}: lower it"
        )
    groups = _groups(train, corpus, data)
    rng = np.random.default_rng(derive_seed(data.split_seed, "set_aside", name))
    order = rng.permutation(groups.max() + 1)
    sizes = np.bincount(groups)[order]
    leaving = np.isin(groups, order[: int(np.searchsorted(np.cumsum(sizes), count)) + 1])
    if leaving.all():
        raise UserError(
            f"data.{name}_queries={count} takes every {data.group_by} group of {data.name}: "
            "lower it or change data.group_by"
        )
    taken = np.flatnonzero(leaving)
    chosen = np.zeros(available, dtype=np.bool_)
    chosen[rng.permutation(taken)[:count]] = True
    report[f"{name}_queries_from_train"] = count
    report[f"train_queries_dropped_with_{name}"] = len(taken) - count
    return _without_leaks({**splits, "train": where(train, ~leaving), name: where(train, chosen)}, report)


def _groups(train: Split, corpus: Corpus, data: BeirData) -> Positions:
    """(Q,) int32 group of each train query; near-copies share one."""
    if data.group_by == "query":
        return _factorise([normalise_text(text) for text in train.queries.texts])
    _, first = np.unique(train.qrels.query, return_index=True)
    documents = train.qrels.document[first]
    return _factorise([normalise_text(corpus.titles[d]) or f"\0{corpus.ids[d]}" for d in documents])


def _factorise(labels: Sequence[str]) -> Positions:
    number: dict[str, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in labels], dtype=np.int32)
