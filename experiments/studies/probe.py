"""Times this machine for a study's estimate: some steps of training, and both models reading a few passages."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.command.build import Composed
from experiments.command.others import untrained_student
from experiments.config import DenseTeacher, Training
from experiments.models.device import device_memory, is_cuda, resolve_device, use_device
from experiments.records.environment import threads_used, use_threads
from experiments.studies.fitted import Rates, Work, time_line
from experiments.studies.measure import Sampled

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer

TIMED = 64
"""Passages that each model reads to be timed."""
STEPS = 4
"""Optimizer steps that are timed; the first one is left out, since it warms up."""
LONGEST = 256
"""Tokens at which a teacher without a limit is taken to cut passages."""


def estimate(runs: Sequence[Composed], found: Sampled) -> str:
    """How long these runs take one after another; "" where none of them trains."""
    trained = [run for run in runs if isinstance(run.config.train, Training)]
    if not trained:
        return ""
    run = trained[0]
    use_threads(run.execution.threads)
    use_device(run.execution)
    teacher, length = _teacher(run, found)
    step, share = _training(run, found)
    rates = Rates(step=step, student=_evaluation(run, found), teacher=teacher, share=share)
    return time_line(_work(runs, trained, found, teacher_length=length), rates)


def _work(runs: Sequence[Composed], trained: Sequence[Composed], found: Sampled, *, teacher_length: int) -> Work:
    """What is to do; an untrained student is measured once, whatever its seeds."""
    config, measured = trained[0].config, found.measured
    asked, splits = config.evaluation, measured.splits
    queries = getattr(config.data, "heldout_queries", 0) or splits.get("test", 0)
    students = len(trained) + (len(trained) < len(runs))
    read = measured.documents * found.mean_passage(asked.passage_length or LONGEST)
    asking = queries * found.mean_query(asked.query_length or LONGEST)
    return Work(
        runs=len(runs),
        steps=sum(run.config.train.steps for run in trained if isinstance(run.config.train, Training)),
        teacher_tokens=measured.documents * found.mean_passage(teacher_length)
        + splits.get("train", 0) * found.mean_query(teacher_length),
        evaluation_tokens=students * (read + asking),
    )


@device_memory("use execution.device=cpu, or shorter texts or batches")
def _training(run: Composed, found: Sampled) -> tuple[float, float | None]:
    """Seconds of a training step, and which share of the processor was free for it (None on a GPU)."""
    from experiments.models.lengths import set_lengths
    from experiments.models.reading import freeze_token_embeddings
    from experiments.models.student import trainable
    from experiments.training.batch import RowGroups
    from experiments.training.cached import in_micro_batches
    from experiments.training.loss import InfoNCELoss
    from experiments.training.trainer import fit

    train = run.config.train
    assert isinstance(train, Training)
    model = trainable(
        untrained_student(run), seed=0, execution=run.execution, dropout=train.dropout, attention=train.attention
    )
    set_lengths(model, query=train.query_length, document=train.passage_length)
    if train.freeze_token_embeddings:
        freeze_token_embeddings(model)
    rows, width = STEPS * train.batch_size, 1 + run.config.mining.num_negatives
    groups = RowGroups(query=np.arange(rows), document=np.arange(rows * width).reshape(rows, width))
    loss = InfoNCELoss(model, groups, temperature=0.05, in_batch=True)
    clock: list[tuple[float, float]] = []
    device = resolve_device(run.execution)
    fit(
        model,
        in_micro_batches(loss, train.micro_batch),
        _rows(found, rows, width),
        train=train.model_copy(update={"steps": STEPS, "learning_rate": 1e-9}),
        seed=0,
        device=device,
        title=None,
        on_log=lambda *_: clock.append((time.perf_counter(), time.process_time())),
    )
    wall, cpu = (last - first for first, last in zip(clock[0], clock[-1], strict=True))
    cores = min(threads_used(run.execution.threads), len(os.sched_getaffinity(0)))
    return wall / (STEPS - 1), None if is_cuda(device) else min(cpu / (wall * cores), 1.0)


def _rows(found: Sampled, rows: int, width: int) -> Dataset:
    from datasets import Dataset

    from experiments.training.collator import DOCUMENTS, QUERY, ROW

    return Dataset.from_dict(
        {
            QUERY: [found.queries[i % len(found.queries)] for i in range(rows)],
            DOCUMENTS: [
                [found.passages[(i * width + j) % len(found.passages)] for j in range(width)] for i in range(rows)
            ],
            ROW: list(range(rows)),
        }
    )


@device_memory("use execution.device=cpu, or shorter texts")
def _evaluation(run: Composed, found: Sampled) -> float:
    """Tokens a second that the student reads as it is measured."""
    from experiments.models.student import build_student

    asked = run.config.evaluation
    model = build_student(untrained_student(run), execution=run.execution, attention="sdpa", precision=asked.precision)
    return _rate(model, found, asked.passage_length or LONGEST)


@device_memory("use execution.device=cpu")
def _teacher(run: Composed, found: Sampled) -> tuple[float | None, int]:
    """Tokens a second that the teacher reads, None where it encodes nothing, and where it cuts passages."""
    from experiments.models.encoder import load_encoder

    teacher = run.config.teacher
    if not isinstance(teacher, DenseTeacher):
        return None, LONGEST
    model = load_encoder(teacher, execution=run.execution, precision=teacher.precision)
    length = int(model.get_max_seq_length() or LONGEST)
    return _rate(model, found, length), length


def _rate(model: SentenceTransformer, found: Sampled, length: int) -> float:
    """Tokens a second, as cut at `length`, in batches of 32 after one that warms up."""
    texts = [found.passages[i % len(found.passages)] for i in range(TIMED)]
    tokens = np.minimum(np.resize(found.passage_tokens, TIMED), length)
    model.max_seq_length = length
    model.encode(texts[:32], show_progress_bar=False)
    started = time.perf_counter()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    return float(tokens.sum() / max(time.perf_counter() - started, 1e-6))
