"""`python -m analysis build` end to end on synthetic records: golden tables, page, figures, --check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib import image

from analysis.__main__ import main
from tests.analysis import synthetic
from tests.analysis.conftest import SMALL, THREE, page_text

GOLDEN = Path(__file__).parent / "golden"


def build(root: Path, *more: str) -> int:
    return main(["build", "--records", str(root), *more])


def lines_by_arm(table: str) -> dict[str, str]:
    return {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()[2:]}


@pytest.mark.parametrize("name", ["nfcorpus.md", "nfcorpus.csv", "nfcorpus.tex"])
def test_golden_tables(results: Path, name: str) -> None:
    written = (results / "synthetic" / "tables" / name).read_text(encoding="utf-8")
    if os.environ.get("REGENERATE_GOLDEN"):
        (GOLDEN / name).write_text(written, encoding="utf-8")
    assert written == (GOLDEN / name).read_text(encoding="utf-8")


def test_page_has_every_part(results: Path) -> None:
    page = (results / "synthetic" / "README.md").read_text(encoding="utf-8")
    for title in (
        "Declaration",
        "Setting",
        "Methods",
        "Primary contrasts",
        "Figures",
        "Detail",
        "Environment",
        "Cost",
        "Limits",
    ):
        assert f"## {title}\n" in page
    assert "What plan.json declares is what was first written there." in page
    for figure in ("steps", "methods", "rates", "thresholds"):
        assert f"(figures/{figure}.svg)" in page
        ElementTree.parse(results / "synthetic" / "figures" / f"{figure}.svg")


def test_marks_and_views(results: Path) -> None:
    table = (results / "synthetic" / "tables" / "docstrings.md").read_text(encoding="utf-8")
    effect, budget = (lines_by_arm(part) for part in table.split("\n\n")[:2])
    assert "below its untrained base, collapsed in 3 of 3 seeds" in effect["topk_shifted"]
    assert "(Holm)" in effect["topk_percpos"]
    assert "(Holm)" not in effect["topk_marginpos"]
    assert "common rows" in budget["naive_topk_common"]
    assert "own rows" in budget["naive_topk"]
    assert set(effect) - set(budget) == {"untrained"}


def test_notes_say_what_is_not_adjusted_and_what_is_not_independent(results: Path) -> None:
    page = (results / "synthetic" / "README.md").read_text(encoding="utf-8")
    methods, contrasts = page.split("## Methods")[1].split("## Figures")[0].split("## Primary contrasts")
    assert "not adjusted for the family, against ±0.005." in methods
    assert "pooled over seeds as if they were independent" in methods
    assert "p (equivalence), and with it a verdict of equivalent, is not adjusted for the family." in contrasts


def test_the_declared_cost_ends_in_one_period(tmp_path: Path) -> None:
    folder = synthetic.write_study(tmp_path, blocks={"docstrings": {"docstrings/test": 30}}, seeds=(0,))
    plan = json.loads((folder / "plan.json").read_text())
    plan["declaration"]["cost"] = "an hour on one core."
    (folder / "plan.json").write_text(json.dumps(plan))
    assert "Declared cost: an hour on one core.\n" in page_text(folder)


def test_equal_bytes_from_another_process(results: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analysis", "build", "--records", str(results), "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    built = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(built) == 11
    assert all((results / name).read_bytes() == content for name, content in built.items())


def test_check_names_a_changed_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 30}}, seeds=(0,))
    assert build(tmp_path) == 0
    assert build(tmp_path, "--check") == 0
    table = folder / "tables" / "docstrings.csv"
    table.write_bytes(table.read_bytes().replace(b"0", b"1", 1))
    (folder / "figures" / "old.svg").write_text("<svg/>")
    capsys.readouterr()
    assert build(tmp_path, "--check") == 1
    printed = capsys.readouterr().out
    assert "synthetic/tables/docstrings.csv" in printed
    assert "synthetic/figures/old.svg" in printed
    assert "README.md" not in printed


def test_a_study_that_stops_after_mining(tmp_path: Path) -> None:
    folder = synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {}}, seeds=(0,), until="mine")
    assert build(tmp_path) == 0
    page = (folder / "README.md").read_text()
    assert "| topk_percpos | 0.95 |" in page
    assert "nDCG@10" not in page.split("## Methods")[1]
    assert (folder / "figures" / "hardness.svg").is_file()


def test_figures_in_pixels_are_made_on_request_and_never_compared(tmp_path: Path) -> None:
    study = synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {}}, seeds=(0,), until="mine")
    figures = study / "figures"
    assert build(tmp_path) == 0
    drawn = {path.stem: path.read_bytes() for path in figures.iterdir()}
    assert build(tmp_path, "--png") == 0
    assert {path.name for path in figures.iterdir()} == {f"{name}.{kind}" for name in drawn for kind in ("svg", "png")}
    assert all((figures / f"{name}.svg").read_bytes() == content for name, content in drawn.items())
    for path in figures.glob("*.png"):
        width, height = image.imread(path).shape[:2]
        assert min(width, height) > 200
    assert build(tmp_path, "--check") == 0


def test_a_study_of_which_nothing_has_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 30}}, seeds=(0,))
    for path in (tmp_path / "records").glob("*/*.json"):
        path.unlink()
    assert build(tmp_path) == 0
    assert capsys.readouterr().out.count("missing: ") == 3
    page = (folder / "README.md").read_text()
    assert "### docstrings\n\nnot run: `python -m experiments.run -m study=synthetic`\n" in page
    assert "| naive_topk |" not in page
    assert "## Detail" not in page
    assert "Not finished" not in page
    assert build(tmp_path, "--check") == 0


def test_a_block_of_which_nothing_has_finished_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = synthetic.write_study(tmp_path, blocks=SMALL, seeds=(0,))
    plan = json.loads((folder / "plan.json").read_text())
    for run in plan["runs"]:
        if run["block"] == "nfcorpus":
            next((tmp_path / "records" / run["run_id"]).iterdir()).unlink()
    assert build(tmp_path) == 0
    printed = capsys.readouterr().out
    assert printed.count("missing: block nfcorpus") == len(synthetic.CORE)
    page = (folder / "README.md").read_text()
    methods = page.split("## Methods")[1].split("## Primary contrasts")[0]
    assert methods.split("### nfcorpus\n\n")[1].splitlines()[0] == (
        "not run: `python -m experiments.run -m study=synthetic`"
    )
    assert "nfcorpus.csv" not in methods
    assert {path.stem for path in (folder / "tables").iterdir()} == {"docstrings"}
    assert "| percpos: topk_percpos − naive_topk | nfcorpus | – |" in page
    assert "### nfcorpus" not in page.split("## Detail")[1]


def test_one_seed_says_queries_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.write_study(tmp_path, name="demo", seeds=(0,), blocks={"docstrings": {"docstrings/test": 50}})
    assert build(tmp_path, "demo") == 0
    printed = capsys.readouterr().out
    assert "| queries only |" in printed
    assert "One seed: those intervals cover queries only" in printed
    assert "seeds and queries" not in printed


def test_missing_cells_are_dashes_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = synthetic.write_study(tmp_path, blocks={"docstrings": {"docstrings/test": 50}})
    plan = json.loads((folder / "plan.json").read_text())
    runs = {(run["arm"], run["seed"]): run["run_id"] for run in plan["runs"]}
    for gone in [("random", 0), ("random", 1), ("random", 2), ("topk_percpos", 1)]:
        for path in (tmp_path / "records" / runs[gone]).iterdir():
            path.unlink()
    assert build(tmp_path, "synthetic") == 0
    printed = capsys.readouterr().out
    random = next(line for line in printed.splitlines() if line.startswith("| random |"))
    assert random.startswith("| random | – | 0 of 3 | – |")
    assert "| 2 of 3 |" in next(line for line in printed.splitlines() if line.startswith("| topk_percpos |"))
    assert "missing: block docstrings, arm random, seeds 0, 1, 2" in printed
    assert "missing: block docstrings, arm topk_percpos, seeds 1" in printed
    assert "python -m experiments.run -m study=synthetic" in printed


def test_changed_declaration_is_shown(tmp_path: Path) -> None:
    folder = synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 50}}, seeds=(0,))
    plan = json.loads((folder / "plan.json").read_text())
    plan["declared_at_first_run"] = {**plan["declaration"], "margin": 0.01}
    (folder / "plan.json").write_text(json.dumps(plan))
    page = page_text(folder)
    assert "Changed since plan.json was first written" in page
    assert "- `margin`: was `0.01`, is `0.005`" in page


def test_mixed_environments_are_said(tmp_path: Path) -> None:
    folder = synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 50}}, seeds=(0, 1))
    path = next((tmp_path / "records").glob("*/*.json"))
    synthetic.edit_record(path, lambda record: {"environment": {**record.environment, "threads": 8}})
    assert "The tables mix 2 environments" in page_text(folder)


def test_a_store_is_read_in_its_own_layout(tmp_path: Path) -> None:
    store = tmp_path / "store"
    blocks = {"docstrings": {"docstrings/test": 50}}
    folder = synthetic.write_study(tmp_path / "published", arms=THREE, blocks=blocks, seeds=(0, 1))
    synthetic.to_store(tmp_path / "published", folder, store)
    assert build(store) == 0
    assert build(tmp_path / "published") == 0
    theirs, ours = store / "studies" / "synthetic" / "README.md", folder / "README.md"
    of_store, published = (path.read_text(encoding="utf-8").split("## Commands") for path in (theirs, ours))
    assert of_store[0] == published[0]
    assert f"execution.store={store}" in of_store[1]
    assert "publish" not in of_store[1]


def test_audit_lays_out_methods_and_thresholds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for threshold in (0.9, 0.95):
        arm = replace(synthetic.CORE["topk_percpos"], miner=synthetic.TopKPercPos(threshold=threshold))
        record, _ = synthetic.record_and_scores(arm, name="x", collection="docstrings", seed=0, tasks={}, until="mine")
        synthetic.write_record(tmp_path, record, None)
    assert main(["audit", "--records", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "| topk_percpos | 0.9 |" in printed
    assert "| topk_percpos | 0.95 |" in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"audit.md", "audit.csv", "audit.svg"}


def test_plan_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 60}})
    assert main(["plan", "synthetic", "--difference", "0.01", "--records", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "| topk_percpos − naive_topk | docstrings | 0.0500 |" in printed
    assert "Components are estimates from 3 seeds" in printed
