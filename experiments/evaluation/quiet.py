"""Keeps notices and progress bars of mteb and the libraries below it off the screen."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


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
