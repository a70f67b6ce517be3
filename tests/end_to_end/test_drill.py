"""Three rounds of the drill, on the smallest sweep: `make drill` runs fifty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.drill import drill_page, read_drill
from tests.drill.__main__ import drill
from tests.drill.check import faults
from tests.drill.rounds import Round
from tests.drill.sweep import Sweep as DrillSweep
from tests.drill.sweep import store_of, undisturbed

KINDS = ("SIGKILL", "flipped bytes", "two drivers, one killed")


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Round]]:
    root = tmp_path_factory.mktemp("drill")
    return root, drill(KINDS, seed=1, root=root, seeds=1, out=root / "out")


@pytest.mark.timeout(900)
def test_nothing_is_lost_made_twice_or_left(rounds: tuple[Path, list[Round]]) -> None:
    _, found = rounds
    assert [one.kind for one in found] == list(KINDS)
    assert [one.faults for one in found] == [()] * 3


def test_its_page_tells_the_rounds(rounds: tuple[Path, list[Round]]) -> None:
    root, _ = rounds
    drilled = read_drill(root / "out" / "drill.json")
    page = drill_page(drilled)
    assert "| SIGKILL | 1 | -9 (1) |" in page
    assert "3 of 3 rounds left what the undisturbed sweep left." in page
    broken = drilled.rounds[0].model_copy(update={"faults": ("record x is missing",)})
    page = drill_page(drilled.model_copy(update={"rounds": (broken, *drilled.rounds[1:])}))
    assert "2 of 3 rounds left what the undisturbed sweep left." in page
    assert "- round 1 (SIGKILL, " in page


@pytest.mark.timeout(900)
def test_the_check_sees_what_it_looks_for(tmp_path: Path) -> None:
    """A lost and a changed record, scratch, a note of failure, and an artifact that was made again."""
    folder = tmp_path / "one"
    clean = undisturbed(DrillSweep.make(tmp_path, seeds=1), folder)
    assert list(faults(folder, clean, before={}, damaged=(), events=list(clean.events))) == []
    lost, changed = sorted(store_of(folder).glob("records/*/*.json"))
    lost.unlink()
    record = json.loads(changed.read_text())
    record["tasks"]["toy/test"]["measures"]["nDCG@10"] += 1e-9
    changed.write_text(json.dumps(record))
    (store_of(folder) / "train" / f".{'0' * 16}.deadbeef").mkdir()
    (store_of(folder) / "failures" / "x.json").write_text("{}")
    events = [*clean.events, clean.events[0]]
    key = (clean.events[0].stage, clean.events[0].key)
    said = list(faults(folder, clean, before={key: (0, 0)}, damaged=(), events=events))
    for part in ("is missing", "differs in tasks", "scratch is left: train/.0", "still noted: x.json"):
        assert sum(part in line for line in said) == 1, said
    assert sum(f"{key[0]}/{key[1]}" in line for line in said) == 2
    assert len(said) == 6
