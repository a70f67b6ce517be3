"""A trained student as a folder that `SentenceTransformer(path)` loads, and that scores as it was measured.

What a run keeps in its store is read with the run's config: lengths, prompts and pooling come from there. Here they are
saved with the weights. The folder is then loaded as anyone would load it, and its vectors are held against those of the
student as evaluation reads it: a folder that differs is not handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.config import BaseStudent, DistilledStudent, ModelStudent
from experiments.errors import UserError
from experiments.evaluation.reading import Reading
from experiments.evaluation.student import load_student
from experiments.execution import Execution
from experiments.models.adapters import merge_adapter
from experiments.models.device import resolve_device
from experiments.models.reading import quiet_loading
from experiments.models.saved import save_model
from experiments.models.static import StaticReader
from experiments.models.trained import Trained

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PROBES = (
    "which river",
    "",
    "A passage about Zürich, 東京 and 12.5 % of n² — with punctuation; and words (in brackets).",
    " ".join(f"word{i} of a text that is longer than most models read" for i in range(400)),
)
"""Texts that tell two models apart: short, empty, not ASCII, and longer than the lengths of reading."""
MERGED = 1e-3
"""How far vectors may move where an adapter is merged into its base: fp32 rounding moves them by about 1e-6."""


@dataclass(frozen=True)
class Saved:
    """difference: the most that a number of a vector differs from the measured student's. notes: what is to be said."""

    difference: float
    notes: tuple[str, ...]


def write_student(folder: Path, found: Trained, *, reading: Reading, execution: Execution) -> Saved:
    """Save it into an empty folder and check it. Raises UserError where it does not score the same when loaded."""
    plain = Reading(reading.query_length, reading.passage_length, "fp32")
    measured = _load(found, plain, execution)
    expected = _vectors(measured)
    notes = [] if reading.precision == "fp32" else ["measured in bf16: load it with model_kwargs={'dtype': 'bfloat16'}"]
    adapted = _adapted(found.student)
    if adapted:
        merge_adapter(measured)
        notes.append("its low-rank adapter is merged into its base, which changes vectors by rounding")
    if isinstance(measured[0], StaticReader):
        _keep_cut(measured[0])
    remote = _remote(found.student)
    if remote:
        notes.append("its base brings code of its own: load it with trust_remote_code=True")
    save_model(measured, folder)
    difference = float(np.abs(_vectors(_anyone(folder, execution, remote=remote)) - expected).max())
    if difference > (MERGED if adapted else 0.0):
        raise UserError(
            f"the student of run {found.run}, saved and loaded again, gives other vectors (by up to {difference:.1e}): "
            "sentence-transformers reads its prompts or attention otherwise than this run, so it is not exported"
        )
    return Saved(difference, tuple(notes))


def _load(found: Trained, reading: Reading, execution: Execution) -> SentenceTransformer:
    return load_student(found.student, reading=reading, trained=found.folder, fitted=None, execution=execution)


def _anyone(folder: Path, execution: Execution, *, remote: bool) -> SentenceTransformer:
    """As a reader of the card loads it."""
    from sentence_transformers import SentenceTransformer

    with quiet_loading():
        return SentenceTransformer(
            str(folder), device=resolve_device(execution), local_files_only=True, trust_remote_code=remote
        )


def _vectors(model: SentenceTransformer) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(2 x probes, d): as queries, then as passages, one at a time, so that no padding blurs the comparison."""
    return np.concatenate(
        [
            np.asarray(encode(list(PROBES), batch_size=1, show_progress_bar=False), dtype=np.float32)
            for encode in (model.encode_query, model.encode_document)
        ]
    )


def _keep_cut(reader: StaticReader) -> None:
    """Leave the length of reading in the tokenizer. Raises UserError where queries and passages have two lengths."""
    query, passage = (length or reader.max_length for length in (reader.query_length, reader.document_length))
    if query != passage:
        raise UserError(
            f"a static model saves one length, and this run reads queries at {query or 'any'} and passages at "
            f"{passage or 'any'} tokens: run it with evaluation.query_length equal to evaluation.passage_length"
        )
    if query is not None:
        reader.tokenizer.enable_truncation(query)


def _adapted(student: BaseStudent) -> bool:
    return isinstance(student, ModelStudent) and student.adapter is not None


def _remote(student: BaseStudent) -> bool:
    base = student.base if isinstance(student, DistilledStudent) else student
    return bool(getattr(base, "trust_remote_code", False))
