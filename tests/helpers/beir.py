"""A small generated retrieval collection in BEIR form, with something to learn and the traps of real ones.

A document speaks of one facet: words of its own facet among words of its facet's topic. A query asks for a facet; every
document of that facet is relevant. So word overlap finds the facet, topics make hard negatives, queries have several
positives.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_WORDS = (
    "river mountain forest ocean desert island valley bridge castle garden market harbor engine wheel battery signal "
    "camera mirror window ladder hammer needle bottle basket carpet blanket pillow ribbon button pocket violin trumpet "
    "guitar piano drum chorus melody rhythm dance theater novel poem letter journal museum statue portrait canvas "
    "doctor nurse patient surgery vaccine fever muscle kidney stomach throat lawyer judge prison treaty senate mayor "
    "soldier cannon shield sword arrow helmet coffee sugar butter pepper garlic onion carrot potato cherry lemon "
    "tiger rabbit eagle salmon spider horse monkey turtle whale falcon copper silver marble granite crystal diamond "
    "planet comet galaxy rocket orbit gravity magnet laser photon carbon oxygen nitrogen sodium calcium protein enzyme"
)
COMMON = tuple(_WORDS.split())
TOPIC_WORDS = 8
FACETS_PER_TOPIC = 6
OPENINGS = ("what is", "how does", "where can", "why do", "explain", "describe", "find", "tell me about")


def write_beir(
    folder: Path,
    *,
    documents: int = 200,
    train: int = 40,
    dev: int = 10,
    test: int = 20,
    positives: int = 3,
    duplicates: int = 4,
    leaks: int = 0,
    seed: int = 0,
) -> Path:
    """Write a collection into `folder` and return it; a split of size 0 has no file. Equal arguments give equal bytes.

    positives: documents per facet, so relevant documents per query. duplicates: documents whose text is another's.
    leaks: train queries whose text is that of a test query.
    """
    draw = random.Random(seed)
    facets = max(2, documents // positives)
    words = [_facet_words(facet, draw) for facet in range(facets)]
    corpus = [_document(i, words[i % facets], i % facets, draw) for i in range(documents)]
    for i in range(duplicates):
        corpus[documents - 1 - i]["text"] = corpus[i]["text"]
        corpus[documents - 1 - i]["title"] = corpus[i]["title"]
    queries: list[dict[str, str]] = []
    qrels: dict[str, list[tuple[str, str, int]]] = {}
    for name, size in (("test", test), ("dev", dev), ("train", train)):
        for _ in range(size):
            facet = draw.randrange(facets)
            query = {"_id": f"q{len(queries)}", "text": _question(words[facet], facet, len(queries), draw)}
            queries.append(query)
            judged = range(facet, documents, facets)
            qrels.setdefault(name, []).extend((query["_id"], f"d{i}", 1) for i in judged)
    for i in range(leaks):
        queries[test + dev + i]["text"] = queries[i]["text"].upper()
    return write_files(folder, corpus=corpus, queries=queries, qrels=qrels)


def write_files(
    folder: Path,
    *,
    corpus: Iterable[Mapping[str, Any]],
    queries: Iterable[Mapping[str, Any]],
    qrels: Mapping[str, Sequence[tuple[str, str, int]]],
) -> Path:
    """Write exactly these rows in BEIR form."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    for split, judgments in qrels.items():
        body = "".join(f"{query}\t{document}\t{score}\n" for query, document, score in judgments)
        (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + body, encoding="utf-8")
    return folder


def _topic(facet: int) -> list[str]:
    start = (facet // FACETS_PER_TOPIC) * TOPIC_WORDS
    return [COMMON[(start + i) % len(COMMON)] for i in range(TOPIC_WORDS)]


def _facet_words(facet: int, draw: random.Random) -> list[str]:
    pair = draw.sample(range(len(COMMON)), 2)
    return [COMMON[i] for i in pair] + [f"{COMMON[facet % len(COMMON)]}{facet}"]


def _document(index: int, words: list[str], facet: int, draw: random.Random) -> dict[str, str]:
    body = draw.choices(_topic(facet), k=10) + words + [f"note{index}"]
    draw.shuffle(body)
    return {"_id": f"d{index}", "title": f"{_topic(facet)[0]} part {facet}", "text": " ".join(body)}


def _question(words: list[str], facet: int, number: int, draw: random.Random) -> str:
    topic = draw.sample(_topic(facet), 2)
    return f"{draw.choice(OPENINGS)} {' '.join(words)} {' and '.join(topic)} case {number}"
