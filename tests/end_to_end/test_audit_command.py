"""`experiments.audit` through the real command: its table, its figure, what it recommends, and its mistakes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments.audit import main
from experiments.command.compose import Composer
from experiments.pipeline import run
from tests.end_to_end.test_command_line import python
from tests.helpers.beir import write_beir


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """A collection, the settings of its audit, and what was printed."""
    root = tmp_path_factory.mktemp("audited")
    write_beir(root / "toy", dev=0)
    settings = ["data=beir", f"data.path={root}/toy", "teacher=bm25", "mining.depth=30", f"outputs={root}/outputs"]
    return root, settings, python("-m", "experiments.audit", *settings, home=root)


def table(root: Path) -> dict[tuple[str, str], dict[str, str]]:
    (path,) = (root / "outputs/audit").glob("*/audit.csv")
    with path.open(encoding="utf-8") as file:
        return {(row["method"], row["value"]): row for row in csv.DictReader(file)}


def test_every_method_is_laid_out(audited: tuple[Path, list[str], str]) -> None:
    root, _, printed = audited
    kinds = {method for method, _ in table(root)}
    expected = {"random", "naive_topk", "topk_shifted", "topk_abs", "topk_marginpos", "topk_percpos", "topk_quantile"}
    assert kinds == expected
    assert "topk_percpos" in printed
    (folder,) = (root / "outputs/audit").iterdir()
    assert {path.name for path in folder.iterdir()} == {"audit.csv", "audit.md", "audit.svg", "negatives.md"}


@pytest.mark.parametrize(("miner", "value"), [("naive_topk", ""), ("topk_percpos", "0.95")])
def test_a_line_is_what_a_run_that_stops_after_mining_counts(
    miner: str, value: str, audited: tuple[Path, list[str], str]
) -> None:
    root, settings, _ = audited
    own = [f"miner={miner}", *([f"miner.threshold={value}"] if value else []), "data.positives=one", "until=mine"]
    alone = Composer().run([*settings, *own, "tracker=none", "execution.results=null", "execution.threads=1"])
    facts = run(alone.config, alone.execution).mining
    assert facts is not None
    row = table(root)[miner, value or "–"]
    assert (int(row["rows kept"]), int(row["mined"])) == (facts.kept, facts.mined)
    share = f"{100 * facts.known_false / facts.mined:.1f}%"
    assert row["known false negatives [Wilson 95%]"].split(" ")[0] == share


def test_negatives_are_written_out_in_full(audited: tuple[Path, list[str], str]) -> None:
    root, _, _ = audited
    (path,) = (root / "outputs/audit").glob("*/negatives.md")
    text = path.read_text(encoding="utf-8")
    assert text.count("## ") == text.count("**Shown as relevant.**") == 3
    assert "naive_topk" in text
    corpus = (root / "toy/corpus.jsonl").read_text(encoding="utf-8")
    shown = next(line for line in text.splitlines() if line.startswith("**Shown as relevant.** "))
    assert shown.rsplit("part", 1)[1].split()[-1] in corpus


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("miner=random", "lays out every miner"),
        ("study=demo", "lays out every miner"),
        ("teacher=bm25,random", "an audit takes one value of each key: run it once for each"),
        ("seed=1,2", "an audit takes one value of each key"),
        ("teacher=bm52", "bm52"),
        ("teacher=random", "teacher=random: its scores tell nothing"),
        ("train.steps=3", "trains nothing: leave it out"),
        ("-m", "trains nothing: leave it out"),
        ("dta=beir", "did you mean 'data'"),
        ("data=pairs", "data.path is not set: give data.path=a csv"),
        ("data=pairs data.path=no.csv", "data.path=no.csv: there is no such file or folder"),
        ("data=mixture data.parts={a:{},b:{}}", "data=mixture: audit one collection at a time"),
        ("mining.depth=0", "mining.depth=0: should be greater than or equal to 1"),
        ("mining.num_negatives=101", "is more than the mining.depth=100 candidates"),
        ("data.positives=two", "data.positives=two: should be 'all' or 'one'"),
        ("outputs=/dev/null/x", "outputs=/dev/null/x"),
    ],
)
def test_mistakes_are_one_line(text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(text.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert says in shown.err
