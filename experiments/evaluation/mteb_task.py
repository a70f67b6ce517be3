"""Runs mteb on one task: a local target or a built-in task, an encoder with its own name, no shared cache."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import numpy.typing as npt
from datasets import Dataset
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from sentence_transformers import SentenceTransformer
from tqdm import tqdm

from experiments.errors import UserError
from experiments.evaluation.measures import Judgments, Ranking, without_identical_ids
from experiments.evaluation.reading import Cut, cut_of, pooled, prompted_lengths
from experiments.evaluation.target import EvaluationTarget
from experiments.ir import hash_texts
from experiments.models.encoding import Role, encode_batches

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


class NamedEncoder(SentenceTransformerEncoderWrapper):  # type: ignore[misc]
    """A student under a name and revision of its own: mteb files results by them, and local models have none.

    `title` names the progress bar; None shows none. What was encoded of a corpus is kept by the hash of its texts, so
    that several query sets over one corpus encode it once. mteb hands over a large corpus in parts; `cuts` tells what
    was cut of each text set handed over since it was last emptied.
    """

    def __init__(self, model: SentenceTransformer, *, key: str) -> None:
        with quiet():
            super().__init__(model)
        meta: Any = vars(self)["mteb_model_meta"]
        self.mteb_model_meta = meta.model_copy(update={"name": f"student/{key}", "revision": key})
        self.title: str | None = None
        self.vectors: dict[str, tuple[npt.NDArray[np.float32], Cut]] = {}
        self.cuts: dict[Role, list[Cut]] = {"query": [], "document": []}

    def encode(self, inputs: Any, *, prompt_type: Any = None, batch_size: int = 32, **_: Any) -> Any:
        """(n, d) float32; the prompts are the model's own "query" and "document", as mteb would choose them."""
        texts = [text for batch in inputs for text in batch["text"]]
        if prompt_type == mteb.types.PromptType.query:
            vectors, cut = self._encode(texts, "query", batch_size)
            self.cuts["query"].append(cut)
            return vectors
        corpus = hash_texts(texts)
        if corpus not in self.vectors:
            self.vectors[corpus] = self._encode(texts, "document", batch_size)
        vectors, cut = self.vectors[corpus]
        self.cuts["document"].append(cut)
        return vectors

    def _encode(self, texts: Sequence[str], role: Role, batch_size: int) -> tuple[npt.NDArray[np.float32], Cut]:
        """Vectors in the order of `texts`, and how many of them were cut."""
        vectors = np.empty((len(texts), self.model.get_embedding_dimension()), dtype=np.float32)
        lengths = prompted_lengths(self.model, texts, role)
        label = f"{self.title}: {'queries' if role == 'query' else 'passages'}"
        with tqdm(total=len(texts), desc=label, unit="text", disable=self.title is None, leave=False) as bar:
            for positions, part in encode_batches(
                self.model, texts, role=role, batch_size=batch_size, name="the student", lengths=lengths
            ):
                vectors[positions] = part
                bar.update(len(positions))
        return vectors, cut_of(self.model, lengths, role)


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


def search(task: AbsTaskRetrieval, encoder: NamedEncoder, *, batch_size: int) -> TaskRun:
    """Let mteb encode, search exactly and score `task`, whose data is loaded."""
    split = task.eval_splits[0]
    encoder.cuts = {"query": [], "document": []}
    with tempfile.TemporaryDirectory() as scratch, quiet():
        result = mteb.evaluate(
            encoder,
            task,
            cache=None,
            co2_tracker=False,
            encode_kwargs={"batch_size": batch_size, "show_progress_bar": False},
            prediction_folder=scratch,
            show_progress_bar=False,
        )
        saved = json.loads((Path(scratch) / task.prediction_file_name).read_text(encoding="utf-8"))
    data, run = task.dataset[SUBSET][split], saved[SUBSET][split]
    return TaskRun(
        run=without_identical_ids(run) if task.ignore_identical_ids else run,
        judgments=data["relevant_docs"],
        ndcg=result.task_results[0].scores[split][0]["ndcg_at_10"],
        documents=len(data["corpus"]),
        queries_cut=pooled(encoder.cuts["query"]),
        passages_cut=pooled(encoder.cuts["document"]),
    )


def _split_data(target: EvaluationTarget) -> RetrievalSplitData:
    queries, corpus = target.split.queries, target.corpus
    asked = target.judged_queries
    return RetrievalSplitData(
        corpus=Dataset.from_dict({"id": list(corpus.ids), "title": list(corpus.titles), "text": list(corpus.texts)}),
        queries=Dataset.from_dict({"id": [queries.ids[q] for q in asked], "text": [queries.texts[q] for q in asked]}),
        relevant_docs=target.judgments,
        top_ranked=None,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Notices and bars of mteb, datasets and the hub's client kept back; errors still show."""
    from datasets.utils import logging as datasets_logging

    loggers = [logging.getLogger(name) for name in ("mteb", "huggingface_hub")]
    levels, bars = [logger.level for logger in loggers], datasets_logging.is_progress_bar_enabled()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    datasets_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            datasets_logging.enable_progress_bar()
