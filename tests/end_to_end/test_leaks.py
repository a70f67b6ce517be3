"""Planted leaks through the real command: counted by default, removed, refused; what of an evaluation is mined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.collections.load import load_as_trained
from experiments.command.compose import Composer
from experiments.command.quoting import accept
from experiments.run import main
from tests.helpers.beir import write_files
from tests.helpers.runs import run_of

SMALL = (
    "tracker=none teacher=bm25 student=tiny mining.num_negatives=2 mining.depth=8 train.steps=2 train.batch_size=8 "
    "execution.device=cpu execution.threads=1 execution.progress=false execution.results=null data=beir"
)
WORDS = ("river", "mountain", "forest", "ocean", "desert", "island", "valley", "bridge", "castle", "garden", "market")
ABOUT = [f"{a} {b}" for a in WORDS for b in WORDS if a < b][:40]


def planted(folder: Path, *, train: int = 24, near: int = 3) -> Path:
    """Query i asks for document i. The first `near` training queries are test queries with one letter more."""
    texts = [f"all that is known of {about} and why it matters" for about in ABOUT]
    queries = [{"_id": f"q{i}", "text": f"please tell me all about {about}"} for i, about in enumerate(ABOUT)]
    for i in range(near):
        queries[i]["text"] = f"{queries[train + i]['text']}s"
    qrels = {"train": [(f"q{i}", f"d{i}", 1) for i in range(train)]}
    qrels["test"] = [(f"q{i}", f"d{i}", 1) for i in range(train, len(ABOUT))]
    return write_files(
        folder, corpus=({"_id": f"d{i}", "text": t} for i, t in enumerate(texts)), queries=queries, qrels=qrels
    )


def run(root: Path, *arguments: str) -> dict[str, Any]:
    """The record of a small run, with its mined rows under "rows"."""
    return run_of(root, *SMALL.split(), *arguments)


def test_leaks_are_counted_said_removed_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = [f"data.path={planted(tmp_path / 'toy')}", "data.leak.near=0.9"]
    plain = run(tmp_path, *data)
    queries = {"part": "toy", "task": "toy/test", "of": "queries", "to": "queries", "exact": 0, "near": 3}
    assert plain["leaks"]["found"] == [queries]
    assert (plain["leaks"]["queries"], plain["leaks"]["removed"]) == (24, 0)
    assert plain["collections"]["toy"]["queries"]["train"] == 24
    assert "leaks among 24 train queries" in capsys.readouterr().out

    removed = run(tmp_path, *data, "data.leak.action=remove")
    assert removed["collections"]["toy"]["queries"] == {"train": 21, "test": 16}
    assert (removed["leaks"]["removed"], removed["leaks"]["found"]) == (3, [queries])
    assert removed["mining"]["queries"] == 21
    assert "3 train queries that repeat what is evaluated removed" in capsys.readouterr().out
    # A finished run is found again, though its collection is not what its reader gives.
    assert run(tmp_path, *data, "data.leak.action=remove")["digest"] == removed["digest"]
    # What reads a finished run trains on the same.
    composed = Composer().run(accept([*SMALL.split(), *data, "data.leak.action=remove"], many=False))
    (again,) = load_as_trained(composed.config, execution=composed.execution, cache=tmp_path / "other").values()
    assert again.content_hash == removed["collections"]["toy"]["content_hash"]

    given = [*SMALL.split(), f"outputs={tmp_path}/outputs", *data]
    made = sorted((tmp_path / "outputs" / "store" / "records").iterdir())
    capsys.readouterr()
    assert main([*given, "data.leak.action=error"]) == 2
    error = capsys.readouterr().err
    assert "the training query 'q0' of toy nearly repeats (similarity 0.9" in error
    assert "the query 'q24' of toy/test, and so do 2 more" in error
    assert error.count("\n") == 1
    assert sorted((tmp_path / "outputs" / "store" / "records").iterdir()) == made


def test_what_is_relevant_in_evaluation_is_counted_and_can_be_left_out(tmp_path: Path) -> None:
    data = [f"data.path={planted(tmp_path / 'toy', near=0)}", "until=mine"]
    relevant = set(range(24, len(ABOUT)))
    mined = run(tmp_path, *data)
    found = [document for document in mined["rows"]["document"].ravel().tolist() if document in relevant]
    assert mined["mining"]["evaluated"] == len(found) > 0
    spared = run(tmp_path, *data, "mining.exclude_eval_documents=true", "mining.positive_within=5")
    assert spared["mining"]["evaluated"] == 0
    assert not relevant & set(spared["rows"]["document"].ravel().tolist())
    assert len(spared["rows"]["query"]) == len(mined["rows"]["query"])


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("data.leak.action=delete", "data.leak.action=delete: should be 'warn', 'error' or 'remove'"),
        ("data.leak.near=2", "data.leak.near=2: should be less than or equal to 1"),
        ("data.leak.of=[]", "data.leak.of=[]: should have at least 1 item"),
        ("data.leak.of=[documents]", "data.leak.of=documents: should be 'queries' or 'positives'"),
        ("data.leak=remove", "data.leak=remove"),
        ("data.leak.actoin=warn", "data.leak has no key 'actoin', did you mean 'action'?"),
        ("data.leak.action=remove evaluation.tasks=[SciFact]", "cannot take out what mteb's own tasks ask (SciFact)"),
        ("mining.exclude_eval_documents=maybe", "mining.exclude_eval_documents=maybe: should be a valid boolean"),
    ],
)
def test_a_mistake_is_one_line(argument: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = planted(tmp_path / "toy")
    base = [*SMALL.split(), f"outputs={tmp_path}/outputs", f"data.path={folder}"]
    assert main([*base, *argument.split()]) == 2
    error = capsys.readouterr().err
    assert says in error, error
    assert error.count("\n") == 1
    assert not (tmp_path / "outputs" / "store").exists()
