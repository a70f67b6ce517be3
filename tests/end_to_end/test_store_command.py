"""`experiments.store` and `status --why` over what real runs left: nothing needed goes, and why is told."""

from __future__ import annotations

import multiprocessing
import shutil
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from experiments import contents, pipeline, status
from experiments.collections import storing
from experiments.collections.beir_files import read_corpus
from experiments.collections.stored import corpus_folders
from experiments.command.compose import Composer
from experiments.housekeeping.command import main
from experiments.housekeeping.usage import size_text
from experiments.records.folder import find_record
from experiments.store.use import at_work
from experiments.studies.grid import grid_jobs
from experiments.studies.plain import plain_cells, plain_command, plain_study
from experiments.studies.plan import plan_path, write_plan
from tests.helpers.beir import write_beir

SETTINGS = (
    "data=beir",
    "teacher=bm25",
    "student=tiny",
    "mining.depth=30",
    "tracker=none",
    *(f"train.{setting}" for setting in ("steps=3", "batch_size=8", "query_length=16", "passage_length=32")),
    *(f"evaluation.{setting}" for setting in ("query_length=16", "passage_length=32")),
    *(f"execution.{setting}" for setting in ("threads=1", "device=cpu", "progress=false", "results=null")),
)
SWEPT = "miner=naive_topk,topk_percpos"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a sweep of two runs has ended, and a single run with another miner."""
    root = tmp_path_factory.mktemp("store_command")
    write_beir(root / "toy", dev=0)
    composer = Composer()
    jobs = grid_jobs(arguments(root, SWEPT), composer)
    for job in jobs:
        pipeline.run(job.composed.config, job.composed.execution)
    cells = plain_cells(jobs)
    command = plain_command(composer, arguments(root, SWEPT))
    write_plan(plan_path(root / "outputs" / "store", "mine"), plain_study(cells), cells, {}, command=command)
    alone = composer.run(arguments(root, "miner=random"))
    pipeline.run(alone.config, alone.execution)
    return root


@pytest.fixture
def root(swept: Path, tmp_path: Path) -> Path:
    """A copy of what they left, under the data of the first."""
    shutil.copytree(swept / "outputs", tmp_path / "outputs")
    return tmp_path


def arguments(root: Path, *more: str) -> list[str]:
    return [*SETTINGS, f"data.path={root / 'toy'}", f"outputs={root / 'outputs'}", *more]


def store(root: Path) -> Path:
    return root / "outputs" / "store"


def command(root: Path, *given: str) -> int:
    return main([*given, "--store", str(store(root)), "--results", str(root / "none")])


def artifacts(root: Path) -> set[str]:
    return {f"{path.parent.parent.name}/{path.parent.name}" for path in store(root).glob("*/*/artifact.json")}


def of_runs(root: Path, *run_ids: str) -> set[str]:
    """The artifacts that their records name."""
    found = [find_record([store(root)], run_id) for run_id in run_ids]
    return {f"{name.split()[0]}/{key}" for record in found if record for name, key in record.artifacts.items()}


def run_ids(swept: Path) -> list[str]:
    return [job.composed.run_id for job in grid_jobs(arguments(swept, SWEPT), Composer())]


def test_gc_tells_first_and_removes_what_no_study_needs(
    swept: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything, needed = artifacts(root), of_runs(root, *run_ids(swept))
    assert needed < everything
    assert command(root, "gc") == 0
    shown = capsys.readouterr().out
    assert "nothing was removed: add --yes" in shown
    assert artifacts(root) == everything
    assert {path for path in everything if path in shown} == everything - needed
    assert command(root, "gc", "--yes") == 0
    assert artifacts(root) == needed
    assert len(list(store(root).glob("records/*/*.json"))) == 3
    capsys.readouterr()
    assert command(root, "gc") == 0
    assert capsys.readouterr().out.splitlines() == ["0 to remove, 0 B"]


def test_what_an_unfinished_study_would_reuse_stays(swept: Path, root: Path) -> None:
    """No record names it, since the study was stopped before it left one; it is found as the run would find it."""
    needed = of_runs(root, *run_ids(swept))
    for run_id in run_ids(swept):
        shutil.rmtree(store(root) / "records" / run_id)
    assert command(root, "gc", "--yes") == 0
    assert artifacts(root) == needed


def test_a_checkpoint_that_an_unfinished_run_goes_on_from_stays_and_others_go(swept: Path, root: Path) -> None:
    (run_id, *_) = run_ids(swept)
    record = find_record([store(root)], run_id)
    assert record is not None
    key = record.artifacts["train"]
    shutil.rmtree(store(root) / "records" / run_id)
    shutil.rmtree(store(root) / "train" / key)
    for name in (key, "0" * 16):
        (store(root) / "train" / f".{name}.partial" / "checkpoint-2").mkdir(parents=True)
    assert command(root, "gc", "--yes") == 0
    assert [path.name for path in (store(root) / "train").glob(".*")] == [f".{key}.partial"]


def test_a_large_corpus_is_counted_and_goes_when_its_file_has_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(storing, "LEAST", 0)
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    write_beir(root / "large")
    cache = store(root) / "collections"
    for parents in ("query", "title"):
        read_corpus(root / "large" / "corpus.jsonl", parents=parents, cache=cache)
    folders = sorted(corpus_folders(cache))
    size = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
    assert command(root, "du") == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("large corpora"))
    assert line.split() == ["large", "corpora", "2", *size_text(size).split(), "0", "B"]
    assert command(root, "gc", "--yes") == 0
    assert sorted(corpus_folders(cache)) == folders
    (root / "large" / "corpus.jsonl").touch()
    read_corpus(root / "large" / "corpus.jsonl", parents="title", cache=cache)
    capsys.readouterr()
    assert command(root, "gc") == 0
    shown = capsys.readouterr().out
    (outdated,) = (folder for folder in folders if str(folder) in shown)
    assert command(root, "gc", "--yes") == 0
    assert [outdated, *corpus_folders(cache)] in (folders, folders[::-1])
    assert not outdated.with_name(f"{outdated.name}.lock").exists()


def test_what_killed_processes_left_goes_wherever_it_lies(root: Path) -> None:
    left = [store(root) / "train" / f".{'0' * 16}.deadbeef", store(root) / "records" / "x" / ".y.json.deadbeef"]
    left[0].mkdir()
    left[1].parent.mkdir()
    left[1].write_text("half")
    before = artifacts(root)
    assert command(root, "gc", "--yes", "--forget", "mine") == 0
    assert not any(path.exists() for path in left)
    assert before
    assert artifacts(root) == set()


def test_where_it_is_not_known_what_a_study_needs_nothing_goes(
    swept: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_path(store(root), "mine")
    plan.write_text(plan.read_text(encoding="utf-8").replace(str(swept / "toy"), "/no/such/folder"), encoding="utf-8")
    shutil.rmtree(store(root) / "records" / run_ids(swept)[0])
    before = artifacts(root)
    assert command(root, "gc", "--yes") == 0
    assert artifacts(root) == before
    shown = capsys.readouterr().out
    assert "not known what the unfinished runs of mine need: " in shown
    assert "--forget STUDY" in shown


def _work(root: Path, connection: Connection) -> None:
    with at_work(root):
        connection.send("here")
        connection.recv()


def test_nothing_goes_while_a_process_works_in_the_store(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_work, args=(store(root), there))
    process.start()
    assert here.recv() == "here"
    before = artifacts(root)
    assert command(root, "gc", "--yes") == 2
    assert "a process works there" in capsys.readouterr().err
    process.kill()
    process.join()
    assert artifacts(root) == before
    assert command(root, "gc", "--yes") == 0
    assert artifacts(root) < before


def test_du_counts_the_bytes_on_the_disk(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(root, "du") == 0
    lines = capsys.readouterr().out.splitlines()
    cells = {line.split()[0]: line.split() for line in lines[: lines.index("")]}
    for stage in ("retrieve", "mine", "train", "evaluate"):
        files = [path for path in (store(root) / stage).rglob("*") if path.is_file() and path.suffix != ".lock"]
        size = sum(path.stat().st_size for path in files)
        number, unit = cells[stage][2:4]
        scale = {"B": 1, "kB": 1e3, "MB": 1e6}[unit]
        assert float(number) * scale == pytest.approx(size, abs=0.06 * scale)
        assert cells[stage][1] == str(len(list((store(root) / stage).glob("*/artifact.json"))))


def test_why_names_the_one_field_in_which_the_nearest_differs(
    swept: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = Composer().run(arguments(swept, "miner=naive_topk", "train.steps=4")).run_id
    plan = plan_path(store(root), "mine")
    plan.write_text(plan.read_text(encoding="utf-8").replace("train.steps=3", "train.steps=4"), encoding="utf-8")
    given = ["mine", "--why", run_id[:10], f"outputs={root / 'outputs'}", "execution.results=null"]
    assert status.main([*given, "execution.device=cpu"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines if line[0] in {"hit", "miss"}] == [
        ["hit", "retrieve"],
        ["hit", "mine"],
        ["miss", "train"],
    ]
    assert ["train.steps:", "3", "there,", "4", "asked", "for"] in lines


def test_why_says_what_is_damaged(swept: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = run_ids(swept)[0]
    record = find_record([store(root)], run_id)
    assert record is not None
    path = store(root) / "mine" / record.artifacts["mine"] / "mined.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert status.main(["mine", "--why", run_id, f"outputs={root / 'outputs'}", "execution.results=null"]) == 0
    shown = capsys.readouterr().out
    assert "it is there and does not count: mined.npz does not hold what was written" in shown
    assert list((store(root) / "mine").glob(".*")) == []
