"""Fits a model to given vectors: loss 1 - cosine, AdamW, warm-up then linear decay."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from tqdm import tqdm

from experiments.config import DistilledStudent

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Lesson:
    """texts: N. role: "query" or "document" per text (which prompt). vectors: (N, d) float32, the teacher's."""

    texts: Sequence[str]
    role: Sequence[str]
    vectors: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.texts)


def fit_to_vectors(
    model: SentenceTransformer, lesson: Lesson, *, student: DistilledStudent, seed: int, title: str | None
) -> list[float]:
    """Train `model` in place for `student.epochs` passes and return the loss of every step. Same seed, same weights."""
    steps = max(1, math.ceil(student.epochs * len(lesson) / student.batch_size))
    warm = math.ceil(student.warmup * steps)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=student.learning_rate, weight_decay=0.0, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: (step + 1) / (warm + 1) if step < warm else (steps - step) / max(1, steps - warm)
    )
    losses = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.train()
        batches = _batches(len(lesson), student.batch_size, steps, np.random.default_rng(seed))
        for batch in tqdm(batches, total=steps, desc=title, unit="step", disable=title is None, leave=False):
            with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=student.precision == "bf16"):
                loss = _loss(model, lesson, batch)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    model.eval()
    return losses


def _batches(rows: int, size: int, steps: int, draw: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """`steps` batches of min(size, rows), reshuffled and cycled, short ends carried into the next pass."""
    size, order = min(size, rows), np.empty(0, dtype=np.int64)
    for _ in range(steps):
        if len(order) < size:
            order = np.concatenate([order, draw.permutation(rows)])
        yield order[:size]
        order = order[size:]


def _loss(model: SentenceTransformer, lesson: Lesson, batch: npt.NDArray[np.int64]) -> Tensor:
    losses = []
    for role in ("query", "document"):
        rows = [int(i) for i in batch if lesson.role[i] == role]
        if not rows:
            continue
        features = model.preprocess([lesson.texts[i] for i in rows], prompt=model.prompts.get(role) or None, task=role)
        moved = {name: v.to(model.device) if isinstance(v, Tensor) else v for name, v in features.items()}
        target = torch.as_tensor(np.asarray(lesson.vectors[rows]), device=model.device)
        losses.append(1 - nn.functional.cosine_similarity(model(moved)["sentence_embedding"].float(), target))
    return torch.cat(losses).mean()
