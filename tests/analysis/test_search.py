"""What a search's page computes, against figures worked out by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.load import load_study
from analysis.searched import optimism, saving, unbeaten
from analysis.sources import open_source
from analysis.stats import paired_difference
from analysis.tables.search import optimism_markdown, trials_files, trials_markdown, winner_markdown
from experiments.errors import UserError
from experiments.searching.declaration import Search
from experiments.searching.trials import SearchFile, TrialLine, read_search, write_search

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "results"
NAME = "percpos_threshold"


def search(**changes: Any) -> Search:
    values = {"name": "s", "space": {"a": [1, 2, 3]}, "paper": {"p": {"a": 1}}, "trials": 5, "pruner": "median"}
    return Search.model_validate({**values, **changes})


def line(number: int, state: str, **changes: Any) -> TrialLine:
    values: dict[str, Any] = {"settings": {"a": 1}, "parameters": {"a": 1}, "planned": 60, **changes}
    return TrialLine.model_validate({"number": number, "state": state, **values})


def file(*trials: TrialLine, declared: Search | None = None) -> SearchFile:
    return SearchFile.model_validate(
        {
            "search": declared or search(),
            "trials": trials,
            "winner": 0,
            "importance": {},
            "override": (),
            "line": (),
            "storage": "journal file",
            "optuna": "5.0.0",
        }
    )


def test_what_pruning_saved_is_the_steps_that_were_not_taken() -> None:
    """Two whole trials of 60 steps in 12 and 18 s, one that trained nothing, one pruned at 20, one with known rows."""
    found = saving(
        file(
            line(0, "whole", trained=True, steps=60, values={"training seconds": 12.0}, watching=1.0),
            line(1, "whole", trained=True, steps=60, values={"training seconds": 18.0}),
            line(2, "whole", values={"training seconds": 18.0}),
            line(3, "pruned", trained=True, steps=20, watching=0.5),
            line(4, "pruned", same_as=3),
            line(5, "failed", cause="it broke"),
            line(6, "lost"),
        )
    )
    assert (found.planned, found.done, found.by_pruning) == (300, 140, 100)
    assert (found.reused, found.known_rows) == (1, 1)
    assert found.per_step == pytest.approx(30 / 120)
    assert found.seconds == pytest.approx(25.0)
    assert found.watching == pytest.approx(1.5)


def test_unbeaten_trials_are_listed_best_first() -> None:
    declared = search(pruner="none", pareto=["dev nDCG@10", "known false rate"])
    values = [(0.5, 0.1), (0.6, 0.3), (0.55, 0.3), (0.4, 0.0)]
    trials = [line(i, "whole", values={"dev nDCG@10": a, "known false rate": b}) for i, (a, b) in enumerate(values)]
    assert [trial.number for trial in unbeaten(file(*trials, declared=declared))] == [1, 0, 3]


def published() -> Any:
    return load_study(open_source(PUBLISHED), NAME)


def test_optimism_is_the_gain_of_the_search_less_what_fresh_seeds_leave() -> None:
    """Oracle: the records read and averaged here."""
    study = published()
    found = optimism(study)
    assert found is not None
    assert found.dev is not None
    assert found.test is not None
    plan = json.loads((PUBLISHED / NAME / "plan.json").read_text())
    runs = {(run["arm"], run["seed"]): run["run_id"] for run in plan["runs"] if run["phase"] == 2}

    def matrix(arm: str, task: str) -> np.ndarray[Any, Any]:
        return np.stack([study.runs[runs[arm, seed]].scores[task].values for seed in (101, 102, 103, 104, 105)])

    for task, difference in (("docstrings/dev", found.dev), ("docstrings/test", found.test)):
        oracle = paired_difference([matrix("winner", task)], [matrix("percpos_95", task)])
        assert difference.mean == pytest.approx(oracle.mean)
        assert (difference.low, difference.high) == pytest.approx((oracle.low, oracle.high))
    search = read_search(PUBLISHED / NAME)
    assert search is not None
    values = [trial.values["dev nDCG@10"] for trial in search.whole]
    base = next(trial for trial in search.whole if trial.paper == "percpos_95")
    assert found.gain == pytest.approx(max(values) - base.values["dev nDCG@10"])
    lost = f"{found.gain - found.test.mean:+.4f}"
    assert lost in optimism_markdown(study, ["main"])


def test_a_page_of_a_study_has_none_of_it() -> None:
    study = load_study(open_source(PUBLISHED), "demo")
    assert [make(study, ["main"]) for make in (winner_markdown, optimism_markdown, trials_markdown)] == ["", "", ""]
    assert trials_files(study) == {}


def test_a_search_is_read_back_as_it_was_written_without_its_storage(tmp_path: Path) -> None:
    declared = search(storage="postgresql://me:secret@host/db", paper={"z": {"a": 2}, "b": {"a": 1}})
    write_search(tmp_path, file(line(0, "whole"), declared=declared))
    assert "secret" not in (tmp_path / "search.json").read_text()
    back = read_search(tmp_path)
    assert back is not None
    assert back.search == declared.model_copy(update={"storage": None})
    assert back.search.baseline == "z"  # the first one that was declared, not the first by name


def test_trials_that_the_records_do_not_bear_out_are_refused(tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED, tmp_path / "results")
    path = tmp_path / "results" / NAME / "search.json"
    data = json.loads(path.read_text())
    data["trials"][3]["values"]["dev nDCG@10"] += 0.01
    path.write_text(json.dumps(data))
    with pytest.raises(UserError, match="trial 3 says dev nDCG@10"):
        load_study(open_source(tmp_path / "results"), NAME)
