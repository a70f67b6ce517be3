"""Which GPU a worker of a parallel sweep uses: each worker sees one, shared out evenly over those there are."""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

log = logging.getLogger("experiments")
VISIBLE = "CUDA_VISIBLE_DEVICES"
_held: list[FileLock] = []
"""The lock of this process's card, held until the process ends, however it ends."""


def take_card(launcher: Mapping[str, Any], *, device: str) -> None:
    """Let this process see one card only, where it is one of several workers and there are several cards.

    launcher: Hydra's settings of it; a worker is a process of one with `n_jobs`. Before CUDA is used, which reads
    CUDA_VISIBLE_DEVICES once. `device` says whether a run asks for a card at all ("auto", "cuda").
    """
    if launcher.get("n_jobs", 1) == 1 or device not in ("auto", "cuda"):
        return
    if not _held:
        cards = visible_cards()
        if len(cards) < 2:
            return
        os.environ[VISIBLE] = free_card(
            cards, Path(tempfile.gettempdir()) / f"which-hard-negatives-cards-{os.getuid()}"
        )
    log.info("this worker uses the card %s", os.environ[VISIBLE])


def visible_cards() -> list[str]:
    """What CUDA_VISIBLE_DEVICES names, else the numbers of all cards."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [card.strip() for card in named.split(",") if card.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def free_card(cards: Sequence[str], folder: Path) -> str:
    """The first of the cards that fewest processes hold, by locks in `folder`; held until this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    for sharing, card in ((sharing, card) for sharing in itertools.count() for card in cards):
        lock = FileLock(folder / f"{card.replace('/', '_')}.{sharing}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        _held.append(lock)
        return card
    raise AssertionError("unreachable: a card can be shared by any number")
