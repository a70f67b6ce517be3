"""The bench: turns, slopes, what is kept, and that no stage has become several times slower than its peer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.bench import bench_page, bench_pages
from analysis.sources import open_source
from experiments.bench import commands, folder
from experiments.bench.__main__ import line, main
from experiments.bench.commands import _by_stage
from experiments.bench.machine import kind
from experiments.bench.turns import in_turns, slope
from experiments.bench.values import Bench, Curve, Given, Machine, Measured, Sides, Spent
from experiments.collections.load import load_collection
from experiments.config import BeirData
from experiments.execution import Execution
from tests.analysis import synthetic
from tests.analysis.conftest import THREE

GENEROUS = {"search": 0.25, "encode": 0.7, "train": 0.5, "evaluate": 0.5}
"""Times as fast as the peer at least, on sizes so small that fixed costs count: half of what was measured, or less."""
SHORT = 0.05
"""CPU seconds of a peer that tell nothing."""


def test_sides_take_turns_and_warming_up_is_not_counted() -> None:
    called: list[tuple[str, int]] = []

    def side(name: str, seconds: float) -> Callable[[int], str]:
        def work(turn: int) -> str:
            called.append((name, turn))
            time.sleep(seconds)
            return f"{name}{turn}"

        return work

    spent, last = in_turns(Sides(side("ours", 0.01), side("peer", 0.05)), rounds=2)
    assert called == [("ours", -1), ("peer", -1), ("ours", 0), ("peer", 0), ("ours", 1), ("peer", 1)]
    assert last == {"ours": "ours1", "peer": "peer1"}
    assert [len(spent["ours"]), len(spent["peer"])] == [2, 2]
    assert all(0.01 <= one.wall < other.wall for one, other in zip(spent["ours"], spent["peer"], strict=True))
    assert all(one.cpu < 0.01 for one in spent["peer"])  # sleeping takes no CPU time


def test_time_of_waited_for_processes_counts() -> None:
    from experiments.bench.commands import call

    spent, _ = in_turns(Sides(lambda _turn: call("this", []), warm=False), rounds=1)
    assert spent["ours"][0].cpu > 0.005


def test_pages_are_checked_though_earlier_stages_have_changed_the_bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    kept = here / "results" / "bench" / "small"
    kept.mkdir(parents=True)
    bench = Bench(machine=machine(), measured=(measured(ours=1.0, peer=2.0, target=1.0),))
    (kept / "bench.json").write_text(bench.model_dump_json())
    (here / "README.md").write_text("no tables\n")
    synthetic.write_study(here / "results", name="other", arms=THREE, blocks={"docstrings": {"docstrings/test": 9}})
    monkeypatch.setattr(commands, "HERE", here)
    found = [case for case in commands.cases(given(scratch)) if case.name.startswith("pages")]
    assert len(found) == 2
    for case in found:
        case.prepare(given(scratch)).ours(0)
    assert not (here / "results" / "bench" / "README.md").exists()


def test_seconds_of_runs_are_added_by_stage(tmp_path: Path) -> None:
    committed = sorted(Path("results/records").glob("*/*.json"))[:3]
    for path in committed:
        (tmp_path / path.parent.name).mkdir()
        (tmp_path / path.parent.name / path.name).write_bytes(path.read_bytes())
    timings = [json.loads(path.read_text(encoding="utf-8"))["timings"] for path in committed]
    trained = sum(one.get("train", 0.0) for one in timings)
    assert f"train {trained:.0f} s" in _by_stage(tmp_path)
    assert "wall" not in _by_stage(tmp_path)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_slope_is_the_exponent(exponent: float) -> None:
    assert slope([(size, 3.0 * size**exponent) for size in (10, 100, 1000)]) == pytest.approx(exponent)


def test_a_target_is_a_ratio_with_a_peer_and_seconds_without() -> None:
    one = measured(ours=2.0, peer=6.0, target=3.0)
    assert one.met
    assert not one.model_copy(update={"target": 3.1}).met
    alone = one.model_copy(update={"times": None, "peer": None, "target": 1.9})
    assert not alone.met
    assert alone.model_copy(update={"target": 2.0}).met
    untargeted = one.model_copy(update={"target": None})
    assert untargeted.met is None
    assert line(untargeted).endswith("3.00 times as fast; all equal")
    assert line(alone).endswith("target 1.9 not met; all equal")


@pytest.mark.parametrize("stage", GENEROUS)
def test_a_stage_beside_its_peers(stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Small, in processes of their own."""
    where = ["--name", "here", "--out", str(tmp_path)]
    assert main([stage, "--quick", "--rounds", "2", "--no-memory", *where]) == 0
    bench = Bench.model_validate_json((tmp_path / "here" / "bench.json").read_bytes())
    told = [one for one in bench.measured if one.peer is not None and one.peer.cpu > SHORT]
    assert told
    for one in told:
        assert one.stage == stage
        assert one.times is not None
        assert one.times > GENEROUS[stage], one
    for one in bench.measured:
        assert one.ours_mb is None
        if stage == "search":
            assert "100.000% of the documents in common" in (one.agreement or "")
        elif stage == "evaluate":
            assert float((one.agreement or "").split()[3]) <= 1e-5
    if stage == "train":
        assert "products of matrices" in (bench.measured[0].limit or "")
    assert capsys.readouterr().out.count("times as fast") == len(bench.measured)


def test_a_stage_measured_again_replaces_itself_alone(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    other = measured(ours=1.0, peer=2.0, target=1.0).model_copy(update={"stage": "encode"})
    kept = Bench(machine=machine(), measured=(measured(ours=1.0, peer=2.0, target=1.0), other))
    (folder / "bench.json").write_text(kept.model_dump_json())
    assert main(["search", "--quick", "--rounds", "1", "--name", "here", "--out", str(tmp_path)]) == 0
    bench = Bench.model_validate_json((folder / "bench.json").read_bytes())
    assert bench.measured[0] == other
    assert [one.stage for one in bench.measured[1:]] == ["search", "search"]
    assert all((one.ours_mb or 0) > 100 < (one.peer_mb or 0) for one in bench.measured[1:])
    assert bench.machine != machine()


def test_a_curve_is_measured_and_drawn(tmp_path: Path) -> None:
    curve = Curve(what="search", axis="documents", points=((10, 0.1), (100, 1.0)), slope=1.0)
    folder = tmp_path / "bench" / "a_box"
    folder.mkdir(parents=True)
    bench = Bench(machine=machine(), measured=(measured(ours=1.0, peer=2.5, target=2.0),), curves=(curve,))
    (folder / "bench.json").write_text(bench.model_dump_json())
    pages = bench_pages(open_source(results(tmp_path)))
    assert {path.relative_to(tmp_path / "bench").as_posix() for path in pages} == {"README.md", "a_box/cost.svg"}
    page = bench_page({"a_box": bench})
    assert "| search | a case | faiss | 1.00 s | 2.50 s | 2.50 | ≥ 2: met | 10 | 20 |" in page
    assert "| search | documents | 10: 0.10; 100: 1.00 | 1.00 |" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serach"], "error: serach: should be of search, threshold"),
        (["search", "--rounds", "0"], "error: --rounds 0: should be at least 1"),
        (["search", "--collection", "nosuch"], "error: --collection nosuch: no such folder under BEIR_HOME="),
        (["search", "--device", "tpu"], "error: execution.device='tpu' is no torch device"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--out", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(said)
    assert shown.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_form_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "bench.json").write_text(json.dumps({"measured": []}))
    assert main(["search", "--quick", "--name", "here", "--out", str(tmp_path)]) == 2
    assert (
        "bench.json: machine: Field required: delete it, then run `python -m experiments.bench` again"
        in capsys.readouterr().err
    )


def test_kinds_of_machines_have_names() -> None:
    assert kind(machine()) == "amx_bf16_1_thread"
    assert kind(machine().model_copy(update={"threads": 2, "matrix_units": ()})) == "plain_2_threads"
    assert kind(machine().model_copy(update={"device": "cuda (NVIDIA H200)"})) == "cuda__nvidia_h200"


def given(scratch: Path) -> Given:
    return Given(
        scratch=scratch, collection=None, beir_home=None, device="cpu", threads=1, rounds=1, quick=True, memory=False
    )


def machine() -> Machine:
    return Machine(
        processor="A processor",
        matrix_units=("amx_bf16", "avx2"),
        device="cpu",
        threads=1,
        cores=2,
        gemm={"fp32": 100.0, "bf16": 900.0},
        load=0.1,
        packages={"torch": "2"},
    )


def measured(*, ours: float, peer: float, target: float) -> Measured:
    return Measured(
        stage="search",
        case="a case",
        ours=Spent(cpu=ours, wall=9.0),
        peer=Spent(cpu=peer, wall=9.0),
        against="faiss",
        clock="cpu",
        rounds=3,
        times=peer / ours,
        ours_mb=10,
        peer_mb=20,
        target=target,
        agreement="all equal",
        limit=None,
    )


def results(folder: Path) -> Path:
    """A results folder without studies."""
    (folder / "records").mkdir()
    return folder


def test_memory_is_carried_on_to_ten_million_documents() -> None:
    """2,000 MiB at a million and 5,000 at four are 1,000 a million: 1,000 more below the first, 11,000 at ten."""
    run = measured(ours=1.0, peer=2.0, target=1.0).model_copy(update={"peer": None, "times": None, "target": None})
    sizes = [
        run.model_copy(update={"case": f"folder of {n}", "documents": n, "ours_mb": mb})
        for n, mb in ((4_000_000, 5000.0), (1_000_000, 2000.0))
    ]
    page = bench_page({"here": Bench(machine=machine(), measured=tuple(sizes))})
    assert "1,049 bytes a document between 1,000,000 and 4,000,000; at that rate 10,000,000 take 10.7 GiB" in page
    assert "bytes a document" not in bench_page({"here": Bench(machine=machine(), measured=tuple(sizes[:1]))})


def test_the_synthetic_folder_is_a_collection(tmp_path: Path) -> None:
    documents = folder.QUICK
    folder._write(given(tmp_path), documents)
    made = folder._folder(given(tmp_path), documents)
    data = BeirData(name=folder.NAME)
    where = Execution(data_paths={folder.NAME: made}, progress=False)
    found = load_collection(data, execution=where, cache=tmp_path / "no" / "cache")
    assert len(found.corpus) == documents
    assert {name: len(split.queries) for name, split in found.splits.items()} == {"train": 75, "test": 75}
    assert {len(text.split()) for text in found.corpus.texts} == {folder.WORDS}
    before = (made / "corpus.jsonl").stat().st_mtime_ns
    folder._write(given(tmp_path), documents)
    assert (made / "corpus.jsonl").stat().st_mtime_ns == before
