"""Runs mteb on one task, a local target or one of mteb's own, without its shared cache."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mteb
import pyarrow as pa
from datasets import Dataset
from datasets.table import InMemoryTable
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata

from experiments.collections.leaks import Evaluated
from experiments.collections.mapped import MappedTexts
from experiments.errors import UserError
from experiments.evaluation.measures import Judgments, Ranking, without_identical_ids
from experiments.evaluation.named_encoder import NamedEncoder
from experiments.evaluation.quiet import quiet
from experiments.evaluation.reading import Cut, pooled
from experiments.evaluation.target import EvaluationTarget
from experiments.ir import Corpus, Queries

SUBSET = "default"
DEPTHS = (1, 3, 5, 10, 20, 100)


@dataclass(frozen=True)
class TaskRun:
    """What a student did on one task: its ranking at full precision, what that is measured by, and what was cut.

    ndcg: mteb's own nDCG@10, rounded to 5 decimals as it gives it. documents: the corpus's size.
    """

    run: Ranking
    judgments: Judgments
    ndcg: float
    documents: int
    queries_cut: Cut
    passages_cut: Cut


def local_task(target: EvaluationTarget) -> AbsTaskRetrieval:
    """Mteb's view of a local target."""
    metadata = TaskMetadata(
        name=target.task.replace("/", "-"),
        description=target.task,
        reference=None,
        dataset={"path": target.task, "revision": target.content_hash},
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
        date=None,
        domains=None,
        task_subtypes=None,
        license=None,
        annotations_creators=None,
        dialect=None,
        sample_creation=None,
        bibtex_citation=None,
        prompt=None,
    )
    settings = {"metadata": metadata, "k_values": DEPTHS, "ignore_identical_ids": target.ignore_identical_ids}
    task = type("LocalTask", (AbsTaskRetrieval,), settings)()
    task.dataset = {SUBSET: {"test": _split_data(target)}}
    task.data_loaded = True
    return task


def built_in_task(name: str) -> AbsTaskRetrieval:
    """One of mteb's own English retrieval tasks. Raises UserError for an unknown name or another kind of task."""
    try:
        task = mteb.get_task(name)
    except KeyError as error:
        raise UserError(
            f"evaluation.tasks: mteb has no task {name!r}: see mteb.get_tasks(task_types=['Retrieval'])"
        ) from error
    if not isinstance(task, AbsTaskRetrieval) or list(task.hf_subsets) != [SUBSET] or len(task.eval_splits) != 1:
        raise UserError(f"evaluation.tasks: {name} is not a retrieval task with one subset and one split: leave it out")
    return task


def load_built_in(task: AbsTaskRetrieval) -> None:
    """Fetch its data. Raises UserError where there is no hub."""
    try:
        with quiet():
            task.load_data()
    except OSError as error:
        raise UserError(
            f"evaluation.tasks=[{task.metadata.name}] needs a hub, which cannot be reached from here: "
            "use evaluation.collections=[...] with local folders"
        ) from error
    task.data_loaded = True
    task.convert_v1_dataset_format_to_v2(num_proc=None)


def texts_of(task: AbsTaskRetrieval) -> Evaluated:
    """What a task whose data is loaded asks, and the documents that are relevant for it."""
    data = task.dataset[SUBSET][task.eval_splits[0]]
    relevant = {name for judged in data["relevant_docs"].values() for name, grade in judged.items() if grade > 0}
    corpus, queries = data["corpus"], data["queries"]
    corpus = corpus.select([place for place, name in enumerate(corpus["id"]) if name in relevant])
    titles = corpus["title"] if "title" in corpus.column_names else [""] * len(corpus)
    return Evaluated(
        task=task.metadata.name,
        queries=Queries(ids=tuple(queries["id"]), texts=tuple(queries["text"])),
        documents=Corpus(ids=tuple(corpus["id"]), titles=tuple(t or "" for t in titles), texts=tuple(corpus["text"])),
    )


def search(task: AbsTaskRetrieval, encoder: NamedEncoder, *, batch_size: int) -> TaskRun:
    """Let mteb encode, search exactly and score `task`, whose data is loaded."""
    split = task.eval_splits[0]
    encoder.start_collection()
    with tempfile.TemporaryDirectory() as scratch, quiet(), _predictions(task) as found:
        result = mteb.evaluate(
            encoder,
            task,
            cache=None,
            co2_tracker=False,
            encode_kwargs={"batch_size": batch_size, "show_progress_bar": False},
            prediction_folder=scratch,
            show_progress_bar=False,
        )
    data, run = task.dataset[SUBSET][split], found[split]
    return TaskRun(
        run=without_identical_ids(run) if task.ignore_identical_ids else run,
        judgments=data["relevant_docs"],
        ndcg=result.task_results[0].scores[split][0]["ndcg_at_10"],
        documents=len(data["corpus"]),
        queries_cut=pooled(encoder.cuts["query"]),
        passages_cut=pooled(encoder.cuts["document"]),
    )


@contextmanager
def _predictions(task: AbsTaskRetrieval) -> Iterator[dict[str, dict[str, dict[str, float]]]]:
    """The rankings that mteb would write as JSON, by split: writing and reading them again takes 2 s a million scores.

    They are copied, since mteb drops documents from them afterwards (`without_identical_ids`).
    """
    found: dict[str, dict[str, dict[str, float]]] = {}

    def keep(predictions: Ranking, *_: Any, hf_split: str, **__: Any) -> None:
        found[hf_split] = {query: dict(scores) for query, scores in predictions.items()}

    # Of this task alone; its class writes them for everyone else.
    vars(task)["_save_task_predictions"] = keep
    try:
        yield found
    finally:
        del vars(task)["_save_task_predictions"]


def _split_data(target: EvaluationTarget) -> RetrievalSplitData:
    queries, corpus = target.split.queries, target.corpus
    asked = target.judged_queries
    return RetrievalSplitData(
        corpus=_corpus_data(corpus),
        queries=Dataset.from_dict({"id": [queries.ids[q] for q in asked], "text": [queries.texts[q] for q in asked]}),
        relevant_docs=target.judgments,
        top_ranked=None,
    )


def _corpus_data(corpus: Corpus) -> Dataset:
    """The documents as mteb takes them; columns that are mapped from a file stay there."""
    columns = {"id": corpus.ids, "title": corpus.titles, "text": corpus.texts}
    table = pa.table(
        {name: texts.column if isinstance(texts, MappedTexts) else list(texts) for name, texts in columns.items()}
    )
    # Without a fingerprint the data set makes one of a copy of all texts.
    return Dataset(InMemoryTable(table), fingerprint=corpus.content_hash)
