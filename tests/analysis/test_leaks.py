"""Leaks in a record become a mark and a note; records that counted none show nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.leaks import evaluated_note, leak_note, leaking
from analysis.load import load_study
from analysis.sources import open_source
from analysis.tables.blocks import block_markdown
from experiments.config import BeirData, LeakCheck
from experiments.records.facts import LeakCount, LeakFacts
from experiments.records.schema import RunRecord
from tests.analysis import synthetic

NOTE = (
    " Leaks, by equal or nearly equal text: 7 of 90 relevant passages of training queries of a like queries of b/test; "
    "5 of 40 training queries of a like queries of b/test. Not checked for leaks, since its data could not be had: "
    "SciFact."
)


def record(**changes: Any) -> RunRecord:
    found, _ = synthetic.record_and_scores(
        synthetic.CORE["naive_topk"], name="naive", collection="nfcorpus", seed=0, tasks={}
    )
    return found.model_copy(update=changes)


def counted(*, queries: int = 5, unchecked: tuple[str, ...] = ()) -> LeakFacts:
    def count(of: Any, to: Any, exact: int, near: int) -> LeakCount:
        return LeakCount(part="a", task="b/test", of=of, to=to, exact=exact, near=near)

    found = (count("queries", "queries", 0, queries), count("positives", "queries", 4, 3))
    return LeakFacts(near=0.8, queries=40, positives=90, tasks=("b/test",), found=found, unchecked=unchecked)


def test_the_mark_counts_what_was_trained_on() -> None:
    assert leaking(record()) == 0
    assert leaking(record(leaks=counted())) == 12
    shared = LeakCount(part="a", task="b/test", of="positives", to="documents", exact=80, near=0)
    assert leaking(record(leaks=counted().model_copy(update={"found": (shared,)}))) == 0
    data = BeirData(name="nfcorpus", leak=LeakCheck(action="remove"))
    removed = record(leaks=counted())
    config = removed.run_config().model_copy(update={"data": data})
    assert leaking(removed.model_copy(update={"config": config.model_dump(mode="json")})) == 7


def test_the_note_holds_the_largest_count_of_any_run() -> None:
    assert leak_note([record()]) == ""
    assert leak_note([record(leaks=counted(queries=2, unchecked=("SciFact",))), record(leaks=counted())]) == NOTE


def test_what_of_an_evaluation_was_mined_is_said_by_arm() -> None:
    found = synthetic.mining_facts(synthetic.CORE["naive_topk"], seed=0)
    assert found is not None
    assert evaluated_note({"one": [found], "other": [found.model_copy(update={"evaluated": 0})]}) == ""
    runs = [found.model_copy(update={"mined": 200, "evaluated": count}) for count in (10, 25)]
    assert evaluated_note({"both": runs, "none": [found], "last": runs[1:]}).endswith(": both 8.8%, last 12.5%.")


@pytest.mark.parametrize("until", ["evaluate", "mine"])
def test_a_page_shows_both(until: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = synthetic.record_and_scores

    def leaky(arm: synthetic.Arm, **asked: Any) -> tuple[RunRecord, pd.DataFrame]:
        made, frame = original(arm, **asked)
        mining = made.mining and made.mining.model_copy(update={"evaluated": made.mining.mined})
        return made.model_copy(update={"leaks": counted(unchecked=("SciFact",)), "mining": mining}), frame

    blocks: dict[str, dict[str, int]] = {"nfcorpus": {} if until == "mine" else {"nfcorpus/test": 20}}
    arms = {name: arm for name, arm in synthetic.CORE.items() if arm.trained or until == "evaluate"}
    pages = {}
    for name, made in (("plain", original), ("leaky", leaky)):
        monkeypatch.setattr(synthetic, "record_and_scores", made)
        synthetic.write_study(tmp_path / name, arms=arms, seeds=(0,), blocks=blocks, until=until)
        pages[name] = block_markdown(load_study(open_source(tmp_path / name), "synthetic"), "nfcorpus")
    assert NOTE.strip() in pages["leaky"]
    assert "Of the mined negatives these are relevant for dev, test" in pages["leaky"]
    assert "naive_topk 100.0%" in pages["leaky"]
    assert ("trained on 12 texts like evaluated queries" in pages["leaky"]) == (until == "evaluate")
    assert "eaks" not in pages["plain"]
    assert "of the mined" not in pages["plain"].lower()
