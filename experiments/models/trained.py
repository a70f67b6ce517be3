"""The trained student of another run: what its weights are called, and how it is taken up again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import (
    BaseStudent,
    CheckpointStudent,
    CheckpointTeacher,
    Encoder,
    StudentConfig,
)
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import digest
from experiments.models.lengths import set_lengths
from experiments.models.student import encoder_of, load_trained, student_key

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Trained:
    """What a run has trained.

    student: the base model, which says how it is read; never another run's. folder: what training saved, an adapter's
    weights alone where there is one. weights: digest of the files in it.
    """

    run: str
    student: BaseStudent
    folder: Path
    weights: str

    @property
    def key(self) -> str:
        """Names the student: its base and its weights, not the run that made them."""
        return digest({"student": student_key(self.student), "weights": self.weights})

    @property
    def reading(self) -> Encoder:
        """Its prompts, and whether its vectors have length 1."""
        return encoder_of(self.student)


FindTrained = Callable[[str], Trained]
"""run_id -> what that run has trained. Raises UserError for a run that is not known or trains nothing."""


def nothing_trained(run: str) -> Trained:
    """For those who know no other runs."""
    raise UserError(f"run {run}: other runs' students are not to be had here")


def base_of(student: StudentConfig, start: Trained | None) -> BaseStudent:
    """The base model that says how a student is built and read. start: what a checkpoint stands for."""
    if not isinstance(student, CheckpointStudent):
        return student
    if start is None:
        raise UserError(f"student {student.name} has not been found yet: name a run that has trained one")
    return start.student


def start_key(student: StudentConfig, start: Trained | None) -> str:
    """Names the weights that training begins with."""
    return student_key(base_of(student, start)) if start is None else start.key


def load_checkpoint(teacher: CheckpointTeacher, found: Trained, *, execution: Execution) -> SentenceTransformer:
    """A run's student as a teacher reads it, on its device."""
    model = load_trained(
        found.student, found.folder, execution=execution, precision=teacher.precision, attention="sdpa"
    )
    set_lengths(model, query=teacher.max_length, document=teacher.max_length)
    return model
