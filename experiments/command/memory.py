"""What a dry run says about memory: the arithmetic for the student that a run would fine-tune."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from experiments.command.build import Composed
from experiments.command.others import base_student
from experiments.config import DistilledStudent, ModelStudent, RunConfig, Training
from experiments.models.memory import Memory, training_memory
from experiments.models.shapes import shape_of

GIB = 2**30


def memory_lines(runs: Iterable[Composed]) -> list[str]:
    """One line for each distinct student and way to train it; none where nothing is trained or no sizes are known."""
    listed = list(runs)
    planned = {run.run_id: run.config for run in listed}
    lines = (_line(run, planned) for run in listed)
    return list(dict.fromkeys(line for line in lines if line is not None))


def _line(run: Composed, planned: Mapping[str, RunConfig]) -> str | None:
    config = run.config
    if not isinstance(config.train, Training) or config.until == "mine":
        return None
    base = base_student(run, planned)
    student = base.base if isinstance(base, DistilledStudent) else base
    if not isinstance(student, ModelStudent):
        return None
    shape = shape_of(student, execution=run.execution)
    if shape is None:
        return None
    train = config.train
    dropped = shape.family == "bert" if train.dropout is None else train.dropout > 0
    memory = training_memory(
        shape, adapter=student.adapter, train=train, negatives=config.mining.num_negatives, dropout=dropped
    )
    return f"memory  {student.name}, {_how(config, train)}: {_sum(memory)}"


def _how(config: RunConfig, train: Training) -> str:
    """`batch 16, 4 negatives, 64/64 tokens, fp32`, and what saves memory."""
    parts = [
        f"batch {train.batch_size}",
        f"{config.mining.num_negatives} mined a row",
        f"{train.query_length}/{train.passage_length} tokens",
        train.precision,
    ]
    if train.micro_batch is not None:
        parts.append(f"micro-batch {train.micro_batch}")
    if train.gradient_checkpointing:
        parts.append("layers computed again")
    return ", ".join(parts)


def _sum(memory: Memory) -> str:
    named = ("weights", "gradients", "optimizer", "activations")
    terms = " + ".join(f"{name} {getattr(memory, name) / GIB:.2f}" for name in named)
    return f"{terms} = {memory.total / GIB:.2f} GiB at most, beside buffers"
