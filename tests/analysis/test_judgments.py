"""The estimate of unknown false negatives, against hand-computed figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.judgments import Judged, agreement, judgments_page
from analysis.sources import Source
from analysis.stats import wilson
from experiments.errors import UserError
from experiments.records.schema import dump_record
from tests.analysis import synthetic


def test_kappa_of_a_hand_computed_table() -> None:
    # 20 both false, 5 first only, 10 second only, 15 neither (of 50): po = .7, pe = .5 * .6 + .5 * .4 = .5, kappa = .4
    first = {str(i): "relevant" if i < 25 else "related" for i in range(50)}
    second = {str(i): "relevant" if i < 20 or 25 <= i < 35 else "unrelated" for i in range(50)}
    found = agreement(first, second)
    assert found.items == 50
    assert found.verdicts == pytest.approx(0.7)
    assert found.labels == pytest.approx(20 / 50)
    assert found.kappa == pytest.approx(0.4)


def test_items_judged_once_do_not_count_as_agreement() -> None:
    assert agreement({"1": "relevant", "2": "related"}, {"1": "relevant"}).items == 1


def test_the_total_adds_the_judged_share_of_the_rest_to_the_known_one() -> None:
    arm = Judged(arm="naive_topk", items=100, false=20, known=0.1)
    assert arm.total(0.2) == pytest.approx(0.1 + 0.9 * 0.2)
    assert arm.interval == wilson(20, 100)


def _folder(tmp_path: Path, *, first: str) -> tuple[Path, Source, str]:
    record, _ = synthetic.record_and_scores(
        synthetic.CORE["naive_topk"], name="naive_topk", collection="docstrings", seed=0, tasks={}, until="mine"
    )
    path = tmp_path / "records" / record.run_id / "e.json"
    path.parent.mkdir(parents=True)
    path.write_text(dump_record(record), encoding="utf-8")
    folder = tmp_path / "judgments" / "toy"
    folder.mkdir(parents=True)
    (folder / "about.md").write_text("# Toy\n", encoding="utf-8")
    (folder / "key.csv").write_text(
        f"item,arm,run_id\n001,naive_topk,{record.run_id}\n002,naive_topk,{record.run_id}\n"
    )
    (folder / "first.csv").write_text(first)
    (folder / "second.csv").write_text("item,label\n001,relevant\n")
    return folder, Source(tmp_path), record.run_id


def test_a_page_counts_by_arm(tmp_path: Path) -> None:
    folder, source, _ = _folder(tmp_path, first="item,label\n001,relevant\n002,related\n")
    page = judgments_page(folder, source)
    assert page.startswith("# Toy\n")
    assert "| naive_topk | 2 | 1 | 50.0% [" in page
    assert "Judged twice: 1 items" in page


def test_an_arm_drawn_from_two_runs_is_one_line(tmp_path: Path) -> None:
    folder, source, run_id = _folder(tmp_path, first="item,label\n001,relevant\n002,related\n")
    (folder / "key.csv").write_text(f"item,arm,run_id\n001,naive_topk,{run_id}\n002,naive_topk,{run_id[::-1]}\n")
    with pytest.raises(UserError, match="arm naive_topk: its items are drawn from 2 runs"):
        judgments_page(folder, source)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("item,label\n001,relevant\n", "no label for item 002"),
        ("item,label\n001,relevant\n002,maybe\n", "item 002 has label 'maybe'"),
        ("item\n001\n", "no column label"),
    ],
)
def test_bad_labels_are_one_line(tmp_path: Path, first: str, message: str) -> None:
    folder, source, _ = _folder(tmp_path, first=first)
    with pytest.raises(UserError, match=message):
        judgments_page(folder, source)
