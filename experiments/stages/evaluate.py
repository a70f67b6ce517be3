"""Measure a student with mteb: one artifact per (student, target, lengths, precision)."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.collections.leaks import Evaluated
from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.evaluation.measures import per_query_measures
from experiments.evaluation.reading import Reading, reading_of
from experiments.evaluation.run_file import read_run, run_frame
from experiments.evaluation.student import load_student
from experiments.evaluation.target import EvaluationTarget
from experiments.execution import Execution
from experiments.files import write_json
from experiments.models.device import device_memory, inference_batch
from experiments.models.garbage import keep_libraries
from experiments.models.trained import Trained, base_of
from experiments.records.facts import TaskScores
from experiments.records.schema import PER_QUERY_COLUMNS
from experiments.store import Artifact, Store
from experiments.versions import EVALUATE

if TYPE_CHECKING:
    from experiments.evaluation.mteb_task import TaskRun
    from experiments.evaluation.named_encoder import NamedEncoder

TOLERANCE = 5.1e-6
"""mteb rounds its figures to 5 decimals."""
BF16_BATCH = 32
"""Texts a batch in bf16, whose vectors depend on the batch they are made in (1.2e-3 in a score, 32 against 8)."""

__all__ = ["EvaluationTarget", "check_tasks", "evaluate"]


@device_memory("lower execution.inference_batch_size, or evaluation.passage_length (bf16 reads 32 texts at once)")
def evaluate(
    *,
    config: RunConfig,
    student: Path | None,
    fitted: Path | None,
    start: Trained | None = None,
    student_key: str,
    targets: Sequence[EvaluationTarget],
    store: Store,
    execution: Execution,
) -> tuple[dict[str, TaskScores], pd.DataFrame, list[Artifact]]:
    """Scores per task, per-query measures (record.PER_QUERY_COLUMNS, sorted by task and query), one artifact per task.

    `student` is a trained folder, None = the base as it is; `fitted` the weights of a distilled base, `start`
    the student of another run that the config names. Targets come first, then `evaluation.tasks`. Raises UserError for
    a task that needs a hub where there is none.
    """
    reading, base = reading_of(config), base_of(config.student, start)

    @functools.cache
    def encoder() -> NamedEncoder:
        from experiments.evaluation.named_encoder import NamedEncoder

        keep_libraries("evaluate")
        model = load_student(base, reading=reading, trained=student, fitted=fitted, execution=execution)
        return NamedEncoder(model, key=student_key, share_texts=reading.precision == "fp32" or reading.share_texts)

    asked = [*map(_local, targets), *map(_built_in, config.evaluation.tasks)]
    measured = functools.partial(
        _measured, reading=reading, student_key=student_key, encoder=encoder, store=store, execution=execution
    )
    artifacts = [measured(one, asked[:i]) for i, one in enumerate(asked)]
    names = [one.name for one in asked]
    scores = {name: _scores(artifact) for name, artifact in zip(names, artifacts, strict=True)}
    frames = [pd.read_parquet(artifact.path / "per_query.parquet") for artifact in artifacts]
    return scores, _joined(names, frames), artifacts


def check_tasks(names: Sequence[str]) -> None:
    """Raises UserError for a name that mteb does not have; fetches nothing."""
    if names:
        from experiments.evaluation.mteb_task import built_in_task

        for name in names:
            built_in_task(name)


def built_in_contents(config: RunConfig) -> dict[str, str]:
    """Task -> content hash of the built-in tasks that a run is measured on; fetches nothing."""
    from experiments.evaluation.mteb_task import built_in_task

    return {name: _built_in_hash(name, built_in_task(name)) for name in config.evaluation.tasks}


def built_in_texts(config: RunConfig) -> tuple[list[Evaluated], tuple[str, ...]]:
    """What the built-in tasks of a run ask and answer, and the names of those whose data cannot be had now."""
    names = config.evaluation.tasks if config.until == "evaluate" else ()
    if not names:
        return [], ()
    from experiments.evaluation.mteb_task import built_in_task, load_built_in, texts_of

    found, missing = [], []
    for name in names:
        task = built_in_task(name)
        try:
            load_built_in(task)
        except UserError:
            missing.append(name)
        else:
            found.append(texts_of(task))
    return found, tuple(missing)


def _built_in_hash(name: str, task: Any) -> str:
    return f"mteb:{name}:{task.metadata.revision}"


@dataclass(frozen=True)
class _Asked:
    """One task to measure on; `make_task` loads its data."""

    name: str
    content_hash: str
    make_task: Callable[[], Any]


def _local(target: EvaluationTarget) -> _Asked:
    def make_task() -> Any:
        from experiments.evaluation.mteb_task import local_task

        return local_task(target)

    return _Asked(target.task, target.content_hash, make_task)


def _built_in(name: str) -> _Asked:
    from experiments.evaluation.mteb_task import built_in_task, load_built_in

    task = built_in_task(name)

    def make_task() -> Any:
        load_built_in(task)
        return task

    return _Asked(name, _built_in_hash(name, task), make_task)


def _measured(
    asked: _Asked,
    before: Sequence[_Asked],
    reading: Reading,
    *,
    student_key: str,
    encoder: Callable[[], NamedEncoder],
    store: Store,
    execution: Execution,
) -> Artifact:
    """`before`: the tasks that the run is measured on earlier; with `share_texts` in bf16 they are part of the key."""
    shared = list(before) if reading.share_texts else []

    def search(one: _Asked) -> TaskRun:
        from experiments.evaluation.mteb_task import search

        named = encoder()
        named.title = f"evaluate {one.name}" if execution.progress else None
        batch_size = BF16_BATCH if reading.precision == "bf16" else inference_batch(execution)
        found = search(one.make_task(), named, batch_size=batch_size)
        named.searched.add(one.name)
        return found

    def make(folder: Path) -> None:
        # Vectors are not kept: an earlier task that another process has measured is encoded again.
        for one in shared:
            if one.name not in encoder().searched:
                search(one)
        _write(folder, search(asked), name=asked.name, content_hash=asked.content_hash)

    payload = {
        **EVALUATE.payload,
        "student": student_key,
        "task": asked.name,
        "content": asked.content_hash,
        "query_length": reading.query_length,
        "passage_length": reading.passage_length,
        "precision": reading.precision,
    }
    if shared:
        payload["texts_after"] = [one.content_hash for one in shared]
    return store.get_or_make(EVALUATE.name, payload, make)


def _write(folder: Path, ran: TaskRun, *, name: str, content_hash: str) -> None:
    """The run file first, then what is computed from it. Raises RuntimeError where mteb's own figure differs."""
    run_frame(ran.run).to_parquet(folder / "run.parquet", index=False)
    per_query = per_query_measures(read_run(folder / "run.parquet"), ran.judgments)
    means = {measure: float(per_query[measure].mean()) for measure in per_query.columns if measure != "query_id"}
    if abs(means["nDCG@10"] - ran.ndcg) > TOLERANCE:
        raise RuntimeError(f"{name}: nDCG@10 from the run file is {means['nDCG@10']:.7f}, mteb says {ran.ndcg}")
    per_query.to_parquet(folder / "per_query.parquet", index=False)
    scores = TaskScores(
        queries=len(per_query),
        documents=ran.documents,
        measures=means,
        mteb=ran.ndcg,
        content_hash=content_hash,
        query_length=ran.queries_cut.length,
        passage_length=ran.passages_cut.length,
        cut_queries=ran.queries_cut.share,
        cut_passages=ran.passages_cut.share,
    )
    write_json(folder / "scores.json", scores.model_dump(mode="json"))


def _scores(artifact: Artifact) -> TaskScores:
    return TaskScores.model_validate(json.loads((artifact.path / "scores.json").read_text(encoding="utf-8")))


def _joined(names: Sequence[str], frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    labelled = [frame.assign(task=name) for name, frame in zip(names, frames, strict=True)]
    if not labelled:
        return pd.DataFrame(columns=list(PER_QUERY_COLUMNS))
    joined = pd.concat(labelled, ignore_index=True)[list(PER_QUERY_COLUMNS)]
    return joined.sort_values(["task", "query_id"], ignore_index=True)
