"""Holds what every reader gives: a corpus and its splits as they stand, before anything is taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.ir import Corpus, Split


@dataclass(frozen=True)
class RawCollection:
    """A collection before leaks are removed and queries set aside (carve.py).

    splits: as the reader found or drew them; every query has a positive judgment, in train one of a document that is
        there. report: what the reader counted.
    """

    name: str
    corpus: Corpus
    splits: Mapping[str, Split]
    report: Mapping[str, int]
