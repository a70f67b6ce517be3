"""One line says what was dropped, merged or hidden."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.collections.load import load_collection
from experiments.collections.summary import say_collections
from experiments.config import BeirData
from experiments.execution import Execution
from experiments.records.facts import CollectionFacts
from tests.helpers.beir import write_beir


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Lines]]:
    """What goes to the run's log and to the screen."""
    handlers, levels = {}, {}
    for name in ("experiments", "experiments.screen"):
        logger, handlers[name] = logging.getLogger(name), Lines()
        monkeypatch.setattr(logger, "handlers", [handlers[name]])
        monkeypatch.setattr(logger, "propagate", False)
        levels[logger] = logger.level
        logger.setLevel(logging.INFO)
    yield handlers
    for logger, level in levels.items():
        logger.setLevel(level)


def said_of(folder: Path, data: BeirData) -> None:
    collection = load_collection(data, execution=Execution(beir_home=folder.parent), cache=folder)
    facts = CollectionFacts(
        content_hash=collection.content_hash,
        documents=len(collection.corpus),
        queries={name: len(split.queries) for name, split in collection.splits.items()},
        report=dict(collection.report),
    )
    say_collections({collection.name: facts}, {collection.name: collection}, {collection.name: data})


def test_one_line_into_each_log_and_once_on_the_screen(tmp_path: Path, heard: dict[str, Lines]) -> None:
    folder = write_beir(tmp_path / "told_once", leaks=3)
    data = BeirData(name="told_once", positives="all")
    said_of(folder, data)
    said_of(folder, data)
    line = "told_once: 200 documents, queries: dev 10, test 20, train 37; 3 evaluated train queries removed"
    assert heard["experiments"].said == [line, line]
    assert heard["experiments.screen"].said == [f"      {line}"]


def test_what_is_hidden_is_said_where_it_is_hidden(tmp_path: Path, heard: dict[str, Lines]) -> None:
    folder = write_beir(tmp_path / "hides", documents=198, positives=3)
    said_of(folder, BeirData(name="hides", positives="all"))
    said_of(folder, BeirData(name="hides", positives="one"))
    start = "hides: 198 documents, queries: dev 10, test 20, train 40; "
    assert heard["experiments"].said == [
        f"{start}nothing dropped",
        f"{start}positives=one hides 80 of 120 relevant documents of train queries",
    ]
