"""A BEIR folder of a million synthetic documents: the first run from its texts, and what comes back to it later."""

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

DOCUMENTS, QUICK = 1_000_000, 300
QUERIES, TESTED = 10_000, 1_000
WORDS = 30
NAME = "synthetic"
ROWS_AT_ONCE = 10_000


def cases(given: Given) -> Sequence[Case]:
    """From texts to mined rows, one more threshold, and a run that is done; each a command of its own."""
    what = f"{_documents(given):,} synthetic documents of {WORDS} words"
    return [
        Case(f"first run: a folder of {what}, to mined rows", _first, waited=True, once=True),
        Case(f"one more threshold: {what}", _threshold, waited=True, target=2.0),
        Case(f"a run that is done: {what}", _done, waited=True, target=3.0),
    ]


def _documents(given: Given) -> int:
    return QUICK if given.quick else DOCUMENTS


def _first(given: Given) -> Sides:
    _written(given)

    def first(_turn: int) -> None:
        shutil.rmtree(_outputs(given), ignore_errors=True)
        _mine(given, FIRST)

    return Sides(first, warm=False)


def _threshold(given: Given) -> Sides:
    return _later(given, lambda turn: _mine(given, FIRST - STEP * (turn + 2)), limit=_importing)


def _done(given: Given) -> Sides:
    return _later(given, lambda _turn: _mine(given, FIRST))


def _later(given: Given, work: Callable[[int], None], *, limit: Callable[[Spent], str] | None = None) -> Sides:
    _written(given)
    if not _outputs(given).is_dir():
        _mine(given, FIRST)
    return Sides(work, limit=limit)


def _importing(_spent: Spent) -> str:
    """What a process that mines must import, whatever it mines."""
    command = [sys.executable, "-c", "import torch, experiments.pipeline"]
    spent, _ = in_turns(Sides(lambda _turn: subprocess.run(command, check=True)), rounds=1)
    return f"{spent['ours'][0].cpu:.2f} CPU s are a new process that imports torch and the pipeline"


def _mine(given: Given, threshold: float) -> None:
    data = ["data=beir", f"data.name={NAME}", f"data.path={_folder(given).as_posix()}"]
    mine(given, *data, f"miner.threshold={threshold:.4f}", outputs=_outputs(given))


def _outputs(given: Given) -> Path:
    return given.scratch / "folder_outputs"


def _folder(given: Given) -> Path:
    return given.scratch / NAME


def _written(given: Given) -> None:
    """Write the folder, once: words drawn evenly from the encoder's vocabulary, one relevant document a query."""
    folder, draw = _folder(given), np.random.default_rng(SEED)
    if folder.is_dir():
        return
    tokens = load_encoder(STATIC, execution=execution(given), precision="fp32").tokenizer.get_vocab()
    words = np.array(sorted(token for token in tokens if token.isascii() and token.isalpha() and len(token) > 2))
    (folder / "qrels").mkdir(parents=True)
    documents = _documents(given)
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
