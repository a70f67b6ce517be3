"""Distillation: the losses against their formulas, the labels, and rows that have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from experiments.config import DistillKL, MarginMSE
from experiments.errors import UserError
from experiments.ir import Negatives
from experiments.training.distillation import DistillationLoss, teacher_labels
from tests.helpers.toy import scored, toy_collection, toy_negatives

NEGATIVES = scored(toy_negatives(toy_collection()))
ROWS = torch.tensor([5, 0, 11])


def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    query, document = torch.randn(3, 8, generator=draw), torch.randn(3, 3, 8, generator=draw)
    return nn.functional.normalize(query, dim=-1), nn.functional.normalize(document, dim=-1)


def cosines() -> torch.Tensor:
    query, document = vectors()
    return (query[:, None] * document).sum(-1)


def teacher() -> torch.Tensor:
    scores = np.concatenate([NEGATIVES.positive_score[:, :1], NEGATIVES.score], axis=1)
    return torch.as_tensor(scores[ROWS])


def test_margin_mse_is_the_squared_error_of_margins() -> None:
    settings = MarginMSE(scale=3.0)
    loss = DistillationLoss(nn.Identity(), settings, teacher_labels(settings, NEGATIVES))
    ours, theirs = 3.0 * cosines(), teacher()
    margins = (ours[:, :1] - ours[:, 1:]) - (theirs[:, :1] - theirs[:, 1:])
    torch.testing.assert_close(loss.of_embeddings(*vectors(), ROWS), margins.square().mean())


def test_kl_is_the_divergence_from_the_teacher_times_the_squared_temperature() -> None:
    settings = DistillKL(temperature=0.2, teacher_temperature=0.1)
    loss = DistillationLoss(nn.Identity(), settings, teacher_labels(settings, NEGATIVES))
    p, q = torch.softmax(teacher() / 0.1, dim=1), torch.softmax(cosines() / 0.2, dim=1)
    expected = (p * (p / q).log()).sum(dim=1).mean() * 0.2**2
    torch.testing.assert_close(loss.of_embeddings(*vectors(), ROWS), expected)


@pytest.mark.parametrize("settings", [MarginMSE(), DistillKL()])
def test_rows_without_scores_are_refused(settings: MarginMSE | DistillKL) -> None:
    score = NEGATIVES.score.copy()
    score[[2, 7], 1] = np.nan
    with pytest.raises(UserError, match=rf"train={settings.kind} .* 2 of 24 rows have a negative without one"):
        teacher_labels(settings, replace(NEGATIVES, score=score))


def test_scores_of_two_teachers_make_margins_but_no_distribution() -> None:
    mixed: Negatives = replace(NEGATIVES, teacher=NEGATIVES.teacher.copy())
    mixed.teacher[:, 1] = 1
    assert np.array_equal(teacher_labels(MarginMSE(), mixed), NEGATIVES.positive_score - NEGATIVES.score)
    with pytest.raises(UserError, match="several teachers"):
        teacher_labels(DistillKL(), mixed)
