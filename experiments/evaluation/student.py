"""A student as it is measured: its weights in the asked precision, its lengths set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import BaseStudent
from experiments.evaluation.reading import Reading
from experiments.execution import Execution
from experiments.models.lengths import set_lengths
from experiments.models.student import build_student, load_trained

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ATTENTION = "sdpa"


def load_student(
    student: BaseStudent, *, reading: Reading, trained: Path | None, fitted: Path | None, execution: Execution
) -> SentenceTransformer:
    """`trained`: the folder of a trained student, None = the base; `fitted`: the weights of a distilled base.

    Raises UserError for a length beyond the model's positions.
    """
    precision = reading.precision
    if trained is None:
        model = build_student(student, execution=execution, attention=ATTENTION, precision=precision, fitted=fitted)
    else:
        model = load_trained(student, trained, execution=execution, precision=precision, attention=ATTENTION)
    set_lengths(model, query=reading.query_length, document=reading.passage_length)
    return model
