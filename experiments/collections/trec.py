"""Reads data=trec: a folder of topics, judgments and a collection of documents, as TREC and ir_datasets hold them.

``topics*``: ``.tsv`` (id, tab, text), ``.jsonl``, or ``<top>`` / ``<topic>`` elements. ``qrels*``: lines of topic,
iteration, document, relevance. ``collection*``: ``.jsonl``, or ``.tsv`` (id, text; or id, title, text). Any may be
gzip. ``qrels.train.txt`` is the split train; qrels that name no split are test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from experiments.collections.beir import judged_collection
from experiments.collections.beir_files import JudgedFiles, Judgment
from experiments.collections.lines import json_rows, lines
from experiments.collections.pair_sources import SPLITS
from experiments.collections.passages import Passages, read_passages
from experiments.collections.raw import RawCollection
from experiments.collections.tables import open_table
from experiments.collections.values import grade_of, id_of, text_of
from experiments.config import TrecData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Corpus, Queries

IDS = ("qid", "_id", "id", "query_id", "topic_id", "number")
TEXTS = ("text", "query", "title", "question")
_TOPIC = re.compile(r"<top(?:ic)?\b([^>]*)>(.*?)</top(?:ic)?>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(?:number|id)\s*=\s*[\"']?([^\s\"'>]+)", re.IGNORECASE)
_TITLE = re.compile(r"<(?:title|query)>\s*(?:Topic:)?\s*([^<]+)", re.IGNORECASE)


def read_trec(data: TrecData, *, execution: Execution) -> RawCollection:
    """What the folder holds. Raises UserError for a missing file or a broken line."""
    folder = execution.data_paths.get(data.name)
    if folder is None:
        raise UserError(f"where is the collection {data.name!r}? Give data.path=FOLDER")
    qrels = {name: (path, read_trec_qrels(path)) for name, path in _qrels(folder).items()}
    files = JudgedFiles(
        corpus=_corpus(_only(folder, "collection"), data),
        queries=_queries(_found(folder, "topics")),
        qrels={name: rows for name, (_, rows) in qrels.items()},
        places={name: path for name, (path, _) in qrels.items()},
        called=("topics", "collection"),
    )
    return judged_collection(files, data)


def read_trec_qrels(path: Path) -> list[Judgment]:
    """Lines of topic, iteration, document, relevance. Raises UserError for a line of another form."""
    rows = []
    for number, line in lines(path):
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) != 4:
            shown = f"{line[:80]!r} has {len(fields)} fields"
            raise UserError(f"{path}:{number}: {shown}: write topic 0 document relevance")
        rows.append(Judgment(fields[0], fields[2], grade_of(path, number, fields[3]), number))
    if not rows:
        raise UserError(f"{path} holds no judgments: add lines of topic 0 document relevance")
    return rows


def _found(folder: Path, name: str) -> list[Path]:
    found = sorted(path for path in folder.glob(f"{name}*") if path.is_file())
    if not found:
        raise UserError(f"{folder / name}.* is missing: the folder needs topics.*, qrels.* and collection.*")
    return found


def _only(folder: Path, name: str) -> Path:
    found = _found(folder, name)
    if len(found) > 1:
        raise UserError(f"{found[1]}: {found[0].name} is there, too: keep one {name} file")
    return found[0]


def _qrels(folder: Path) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in _found(folder, "qrels"):
        said = [SPLITS[part] for part in re.split(r"[.\-_]", path.name) if part in SPLITS]
        name = said[0] if said else "test"
        if named.setdefault(name, path) != path:
            raise UserError(f"{path}: {named[name].name} is {name} as well: call them qrels.train.txt, qrels.test.txt")
    return named


def _corpus(path: Path, data: TrecData) -> Corpus:
    found = _read_tsv(path) if path.name.removesuffix(".gz").endswith(".tsv") else read_passages(open_table(path))
    corpus = found.corpus()
    if data.group_by == "document" and not corpus.parents:
        return Corpus(ids=corpus.ids, titles=corpus.titles, texts=corpus.texts, parents=corpus.ids)
    return corpus


def _read_tsv(path: Path) -> Passages:
    """Lines of id, text or id, title, text; nothing is quoted."""
    found = Passages()
    for number, line in lines(path):
        if not line.strip():
            continue
        fields, place = line.split("\t"), f"{path}:{number}"
        if len(fields) not in {2, 3}:
            raise UserError(f"{place}: {len(fields)} tab-separated fields: write id, text or id, title, text")
        if found.named(fields[0]) is not None:
            raise UserError(f"{place}: duplicate id {fields[0]!r}, first in {found.where[fields[0]]}: ids must differ")
        title = fields[1] if len(fields) == 3 else ""
        found.add(fields[-1], name=fields[0], title=title, group=None, place=place)
    if not found.ids:
        raise UserError(f"{path} holds no documents: write one a line")
    return found


def _queries(paths: list[Path]) -> Queries:
    known: dict[str, str] = {}
    for path in paths:
        for number, name, text in _topics(path):
            if not name or not text.strip():
                raise UserError(f"{path}:{number}: a topic needs an id and a text: {name!r} has {text[:60]!r}")
            if known.setdefault(name, text) != text:
                raise UserError(f"{path}:{number}: the topic {name!r} has two texts: ids must differ")
    if not known:
        raise UserError(f"{paths[0]} holds no topics: write id, tab, text, or <top> elements")
    return Queries(ids=tuple(known), texts=tuple(known.values()))


def _topics(path: Path) -> Iterator[tuple[int, str, str]]:
    """(line, id, text) of each topic."""
    plain = path.name.removesuffix(".gz")
    if plain.endswith((".jsonl", ".json")):
        yield from _json_topics(path)
    elif plain.endswith(".tsv"):
        for number, line in lines(path):
            if line.strip():
                name, _, text = line.partition("\t")
                yield number, name.strip(), text.strip()
    else:
        yield from _marked_topics(path)


def _json_topics(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, row in json_rows(path):
        name = next((key for key in IDS if key in row), IDS[0])
        text = next((key for key in TEXTS if key in row), TEXTS[0])
        yield number, id_of(path, number, row, name), text_of(path, number, row, text).strip()


def _marked_topics(path: Path) -> Iterator[tuple[int, str, str]]:
    whole = "\n".join(line for _, line in lines(path))
    for topic in _TOPIC.finditer(whole):
        name = _NUMBER.search(topic[2]) or _ATTRIBUTE.search(topic[1])
        text = _TITLE.search(topic[2])
        number = whole.count("\n", 0, topic.start()) + 1
        yield number, name[1] if name else "", " ".join(unescape(text[1]).split()) if text else ""
