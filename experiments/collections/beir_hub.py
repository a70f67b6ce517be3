"""Reads data=beir_hub: a collection in BEIR form as a data set of the Hugging Face hub, or a copy of one in a folder.

As mteb lays it out: the configurations corpus, queries and default (or qrels) of one data set. As the BEIR organisation
does: corpus and queries in one, as configurations or files, and the judgments in another called NAME-qrels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.collections.beir import judged_collection
from experiments.collections.beir_files import (
    HEADER,
    JudgedFiles,
    any_form,
    corpus_of,
    judgments_of,
    queries_of,
    read_corpus,
    read_queries,
)
from experiments.collections.hub import configurations, load_configuration, snapshot
from experiments.collections.lines import NumberedRow
from experiments.collections.pair_sources import SPLITS
from experiments.collections.raw import RawCollection
from experiments.collections.tables import Table, dataset_table
from experiments.config import BeirHubData, RunData, collections_of
from experiments.errors import UserError
from experiments.execution import Execution


@dataclass(frozen=True)
class _Place:
    """A data set as a folder. name: what it is called on the hub and in messages; revision: as the config has it."""

    folder: Path
    name: str
    revision: str | None

    def table(self, configuration: str, split: str, rows: object) -> Table:
        """One split of it; messages call it by data set, configuration and split."""
        return dataset_table(Path(self.name, configuration, split), rows)

    def tables(self, configuration: str) -> dict[str, Table]:
        """Every split of a configuration."""
        loaded = load_configuration(self.folder, configuration, called=self.name)
        return {split: self.table(configuration, split, rows) for split, rows in loaded.items()}


def read_beir_hub(data: BeirHubData, *, execution: Execution) -> RawCollection:
    """What the data set holds. Raises UserError, one line, for what cannot be had or read."""
    texts, judged = _places(data, execution)
    corpus, queries = _called(data, "corpus"), _called(data, "queries")
    tables = {SPLITS.get(name, name): table for name, table in judged.tables(_judgments(judged, data)).items()}
    as_files = corpus not in configurations(texts.folder, called=texts.name)
    files = JudgedFiles(
        corpus=read_corpus(any_form(texts.folder, corpus), parents=data.group_by)
        if as_files
        else corpus_of(Path(texts.name, corpus), _rows(texts, corpus), parents=data.group_by),
        queries=read_queries(any_form(texts.folder, queries))
        if as_files
        else queries_of(Path(texts.name, queries), _rows(texts, queries)),
        qrels={name: judgments_of(table.path, table.rows(_columns(table))) for name, table in tables.items()},
        places={name: table.path for name, table in tables.items()},
        called=(f"{texts.name}/{queries}", f"{texts.name}/{corpus}"),
    )
    return judged_collection(files, data)


def resolved_data(data: RunData, execution: Execution) -> dict[str, str]:
    """Name -> commit of the hub's data sets that a run trains on, where the config names no commit."""
    found: dict[str, str] = {}
    for one in collections_of(data).values():
        if isinstance(one, BeirHubData) and one.name not in execution.data_paths:
            places = dict.fromkeys(_places(one, execution))
            found |= {place.name: place.folder.name for place in places if place.revision != place.folder.name}
    return found


def _places(data: BeirHubData, execution: Execution) -> tuple[_Place, _Place]:
    """Where documents and queries are, and where the judgments: the same place, or one of their own."""
    path = execution.data_paths.get(data.name)
    name = data.repository if path is None else str(path)
    texts = _Place(snapshot(name, data.revision) if path is None else path, name, data.revision)
    there = configurations(texts.folder, called=name)
    if data.qrels is None and _called(data, "corpus") in there and _own_judgments(there, data):
        return texts, texts
    other = data.qrels if data.qrels is not None else f"{name}-qrels"
    if path is not None and data.qrels is None:
        if not Path(other).is_dir():
            raise UserError(
                f"{path} holds no judgments (it has the configurations {', '.join(there)}), and there is no {other}: "
                "copy the data set of the judgments there"
            )
        return texts, _Place(Path(other), other, None)
    return texts, _Place(snapshot(other, data.qrels_revision), other, data.qrels_revision)


def _called(data: BeirHubData, what: str) -> str:
    return what if data.subset is None else f"{data.subset}-{what}"


def _own_judgments(there: tuple[str, ...], data: BeirHubData) -> str | None:
    names = ("default", "qrels") if data.subset is None else (_called(data, "qrels"),)
    return next((name for name in names if name in there), None)


def _judgments(judged: _Place, data: BeirHubData) -> str:
    """The configuration that holds judgments: the one that mteb would take, or the only one."""
    there = configurations(judged.folder, called=judged.name)
    found = _own_judgments(there, data) or (there[0] if len(there) == 1 else None)
    if found is None:
        raise UserError(
            f"{judged.name}: none of its configurations is called default or qrels (there are: {', '.join(there)}): "
            "name the data set of the judgments with data.qrels=NAME, or one of several collections with data.subset"
        )
    return found


def _rows(place: _Place, configuration: str) -> Iterator[NumberedRow]:
    """The rows of all splits of a configuration, numbered; an id may be called id or _id."""
    number = 0
    for table in place.tables(configuration).values():
        for _, row in table.rows(table.columns):
            number += 1
            yield number, row if "_id" in row else {"_id": row.get("id"), **row}


def _columns(table: Table) -> tuple[str, ...]:
    """The columns of judgments. Raises UserError where one is missing."""
    missing = [name for name in HEADER if name not in table.columns]
    if missing:
        raise UserError(f"{table.path}: has no column {missing[0]!r} (there are: {', '.join(table.columns)})")
    return tuple(HEADER)
