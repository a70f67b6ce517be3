"""What a page says of times, commits and versions is what its records say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.load import load_study
from analysis.sources import open_source
from experiments.records.facts import Provenance
from experiments.records.schema import RunRecord
from experiments.versions import STAGES, Stage
from tests.analysis import synthetic
from tests.analysis.conftest import THREE, page_text

CURRENT = {stage.name: stage.version for stage in STAGES}
ARTIFACTS = dict.fromkeys((f"{name} x" for name in CURRENT), "0" * 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 30}})


def edit(folder: Path, arm: str, change: Callable[[RunRecord], dict[str, object]]) -> None:
    """Rewrite the records of an arm, sealed anew."""
    study = load_study(open_source(folder.parent), folder.name)
    for run_id in {run.run_id for run in study.plan.runs if run.arm == arm}:
        for path in (folder.parent / "records" / run_id).glob("*.json"):
            synthetic.edit_record(path, change)


def made(commit: str, seed: int, *, dirty: bool = False) -> Provenance:
    return Provenance(
        commit=commit,
        dirty=dirty,
        argv=("run",),
        started=f"2026-01-0{seed + 1}T00:00:00Z",
        finished=f"2026-01-0{seed + 1}T01:00:00Z",
    )


def test_records_without_times_prove_nothing(folder: Path) -> None:
    text = page_text(folder)
    assert "they cannot show whether the declaration came before the first run" in text
    assert "after the first run started" not in text


def test_times_and_commits_as_recorded(folder: Path) -> None:
    edit(folder, "naive_topk", lambda record: {"provenance": made("a" * 40, record.run_config().seed)})
    edit(folder, "topk_percpos", lambda record: {"provenance": made("", 8, dirty=True)})
    text = page_text(folder)
    assert "6 of 9 runs: the first started 2026-01-01T00:00:00Z, the last ended 2026-01-09T01:00:00Z." in text
    assert "Source: commit aaaaaaaaaaaa (3 runs), no git checkout (3 runs)." in text
    assert "The records of 3 other runs carry no times" in text


def test_an_older_version_marks_its_arm_and_is_said_first(folder: Path) -> None:
    for arm in ("naive_topk", "naive_topk_reveal1", "topk_percpos"):
        edit(folder, arm, lambda record: {"artifacts": ARTIFACTS, "versions": CURRENT})
    assert "outdated" not in page_text(folder)
    raised = max(STAGES, key=lambda stage: stage.version)
    edit(folder, "topk_percpos", lambda record: {"versions": older(raised)})
    text = page_text(folder)
    now = raised.version
    assert "**3 of 9 runs are outdated**" in text.split("## Declaration")[0]
    assert f"- {raised.name}: **mixed**: version {now - 1} in 3 runs, version {now} in 6 runs; now {now}\n" in text
    table = text.split("### docstrings\n\n")[1].splitlines()[:5]
    rows = {line.split(" | ")[0]: line for line in table}
    assert rows["| topk_percpos"].endswith("| outdated |")
    assert rows["| naive_topk"].endswith("|  |")


def older(raised: Stage) -> dict[str, int]:
    """The versions of before that stage was raised; one that is absent was 1."""
    return {name: version for name, version in CURRENT.items() if name != raised.name} | (
        {raised.name: raised.version - 1} if raised.version > 2 else {}
    )
