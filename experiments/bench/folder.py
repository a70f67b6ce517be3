"""A BEIR folder of a million synthetic documents, and of three: the first run from its texts, and what comes later."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from experiments.bench.commands import mine
from experiments.bench.threshold import FIRST, STEP
from experiments.bench.turns import in_turns
from experiments.bench.values import Case, Given, Sides, Spent
from experiments.bench.vectors import SEED, STATIC, execution
from experiments.models.encoder import load_encoder

DOCUMENTS, MORE, QUICK = 1_000_000, 3_000_000, 300
QUERIES, TESTED = 10_000, 1_000
WORDS = 30
NAME = "synthetic"
ROWS_AT_ONCE = 10_000


def cases(given: Given) -> Sequence[Case]:
    """From texts to mined rows, one more threshold, and a run that is done; each a command of its own."""
    documents = QUICK if given.quick else DOCUMENTS
    found = [
        _first(documents),
        _later("one more threshold", documents, lambda turn: FIRST - STEP * (turn + 2), target=2.0, limit=_importing),
        _later("a run that is done", documents, lambda _turn: FIRST, target=3.0),
    ]
    return found if given.quick else [*found, _first(MORE)]


def _called(documents: int) -> str:
    return f"{documents:,} synthetic documents of {WORDS} words"


def _first(documents: int) -> Case:
    def prepare(given: Given) -> Sides:
        _write(given, documents)
        shutil.rmtree(_outputs(given, documents), ignore_errors=True)
        return Sides(lambda _turn: _mine(given, documents, FIRST), warm=False)

    name = f"first run: a folder of {_called(documents)}, to mined rows"
    return Case(name, prepare, waited=True, once=True, documents=documents)


def _later(
    what: str,
    documents: int,
    bar: Callable[[int], float],
    *,
    target: float,
    limit: Callable[[Spent], str] | None = None,
) -> Case:
    """What comes back to the folder. bar: the threshold of each turn."""

    def prepare(given: Given) -> Sides:
        _write(given, documents)
        if not _outputs(given, documents).is_dir():
            _mine(given, documents, FIRST)
        return Sides(lambda turn: _mine(given, documents, bar(turn)), limit=limit)

    return Case(f"{what}: {_called(documents)}", prepare, waited=True, target=target)


def _importing(_spent: Spent) -> str:
    """What a process that mines must import, whatever it mines."""
    command = [sys.executable, "-c", "import torch, experiments.pipeline"]
    spent, _ = in_turns(Sides(lambda _turn: subprocess.run(command, check=True)), rounds=1)
    return f"{spent['ours'][0].cpu:.2f} CPU s are a new process that imports torch and the pipeline"


def _mine(given: Given, documents: int, threshold: float) -> None:
    data = ["data=beir", f"data.name={NAME}", f"data.path={_folder(given, documents).as_posix()}"]
    mine(given, *data, f"miner.threshold={threshold:.4f}", outputs=_outputs(given, documents))


def _outputs(given: Given, documents: int) -> Path:
    return given.scratch / f"folder_outputs{documents}"


def _folder(given: Given, documents: int) -> Path:
    return given.scratch / f"{NAME}{documents}"


def _write(given: Given, documents: int) -> None:
    """Write the folder, once: words drawn evenly from the encoder's vocabulary, one relevant document a query."""
    folder, draw = _folder(given, documents), np.random.default_rng(SEED)
    if folder.is_dir():
        return
    tokens = load_encoder(STATIC, execution=execution(given), precision="fp32").tokenizer.get_vocab()
    words = np.array(sorted(token for token in tokens if token.isascii() and token.isalpha() and len(token) > 2))
    (folder / "qrels").mkdir(parents=True)
    queries = min(QUERIES, documents // 2)
    _write_texts(folder / "corpus.jsonl", "d", documents, words=words, draw=draw)
    _write_texts(folder / "queries.jsonl", "q", queries, words=words, draw=draw)
    relevant = draw.permutation(documents)[:queries].tolist()
    tested = min(TESTED, queries // 2)
    for split, asked in (("train", range(tested, queries)), ("test", range(tested))):
        rows = "".join(f"q{query}\td{relevant[query]}\t1\n" for query in asked)
        (folder / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}", encoding="utf-8")


def _write_texts(path: Path, letter: str, count: int, *, words: np.ndarray, draw: np.random.Generator) -> None:
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, count, ROWS_AT_ONCE):
            drawn = words[draw.integers(len(words), size=(min(ROWS_AT_ONCE, count - start), WORDS))]
            for place, text in enumerate(map(" ".join, drawn.tolist())):
                file.write(json.dumps({"_id": f"{letter}{start + place}", "text": text}) + "\n")
