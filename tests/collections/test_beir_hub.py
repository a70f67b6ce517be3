"""data=beir_hub against the same collection as a folder in BEIR form, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.collections.beir_hub import resolved_data
from experiments.collections.load import load_collection, named_data
from experiments.config import BeirData, BeirHubData, MixtureData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection
from tests.helpers.beir import write_beir
from tests.helpers.hub import COMMIT, as_beir, as_mteb, in_cache, without_network


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_beir(tmp_path / "plain" / "toy", documents=30, train=8, dev=4, test=6)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_network(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache" / "hub"


def from_folder(folder: Path, **fields: Any) -> Collection:
    execution = Execution(data_paths={"toy": folder})
    return load_collection(BeirHubData(name="toy", **fields), execution=execution, cache=folder.parent)


def in_beir_form(folder: Path) -> Collection:
    return load_collection(
        BeirData(name="toy", positives="all"), execution=Execution(beir_home=folder.parent), cache=folder.parent
    )


@pytest.mark.parametrize(
    ("layout", "fields"),
    [
        (as_mteb, {}),
        (lambda plain, to: as_mteb(plain, to, judgments="qrels"), {}),
        (lambda plain, to: as_mteb(plain, to, subset="en"), {"subset": "en"}),
        (as_beir, {}),
    ],
    ids=["mteb", "mteb-qrels", "mteb-subset", "beir"],
)
def test_every_layout_is_the_collection_in_beir_form(layout: Any, fields: Any, plain: Path, tmp_path: Path) -> None:
    found = from_folder(layout(plain, tmp_path / "hub"), **fields)
    assert found.content_hash == in_beir_form(plain).content_hash
    assert sorted(found.splits) == ["dev", "test", "train"]
    assert found.report == in_beir_form(plain).report


def test_by_name_it_is_what_the_hub_s_cache_holds(plain: Path, cache: Path, tmp_path: Path) -> None:
    in_cache(as_mteb(plain, tmp_path / "a"), cache, "mteb/toy")
    in_cache(as_beir(plain, tmp_path / "b"), cache, "BeIR/toy")
    in_cache(tmp_path / "b-qrels", cache, "BeIR/toy-qrels", commit="d" * 40)
    expected = in_beir_form(plain).content_hash
    ours, theirs = BeirHubData(name="toy"), BeirHubData(name="toy", hub="BeIR/toy")
    for data in (ours, theirs):
        assert load_collection(data, execution=Execution(), cache=tmp_path).content_hash == expected
    assert resolved_data(ours, Execution()) == {"mteb/toy": COMMIT}
    assert resolved_data(theirs, Execution()) == {"BeIR/toy": COMMIT, "BeIR/toy-qrels": "d" * 40}
    pinned = theirs.model_copy(update={"revision": COMMIT})
    assert resolved_data(pinned, Execution()) == {"BeIR/toy-qrels": "d" * 40}
    assert resolved_data(ours, Execution(data_paths={"toy": tmp_path / "a"})) == {}
    assert resolved_data(BeirData(name="toy"), Execution()) == {}


def test_other_collections_come_from_where_the_run_s_own_come_from() -> None:
    assert named_data("nfcorpus", BeirHubData(name="toy")) == BeirHubData(name="nfcorpus")
    assert named_data("nfcorpus", BeirData(name="toy")) == BeirData(name="nfcorpus")
    parts: Any = {"toy": {"kind": "beir_hub", "share": 2}, "far": {"kind": "beir_hub", "hub": "BeIR/far"}}
    mixture = MixtureData(parts=parts, train_queries=30)
    assert mixture.collections()["toy"] == BeirHubData(name="toy", train_queries=20)
    assert named_data("nfcorpus", mixture) == BeirHubData(name="nfcorpus")


def test_what_cannot_be_had_or_read_is_one_line(plain: Path, cache: Path, tmp_path: Path) -> None:
    def refused(message: str, data: BeirHubData, **paths: Path) -> None:
        with pytest.raises(UserError, match=message) as caught:
            load_collection(data, execution=Execution(data_paths=paths), cache=tmp_path)
        assert "\n" not in str(caught.value)

    refused(
        r"data set mteb/toy can be had neither from the hub nor from the cache .*data.path", BeirHubData(name="toy")
    )
    at = BeirHubData(name="toy", revision="v9")
    refused(r"data set mteb/toy at revision v9 can be had neither", at)
    refused(r"data set not a name can be had neither", BeirHubData(name="toy", hub="not a name"))
    bare = as_beir(plain, tmp_path / "bare")
    (tmp_path / "bare-qrels").rename(tmp_path / "elsewhere")
    refused(r"bare holds no judgments .*there is no .*bare-qrels", BeirHubData(name="toy"), toy=bare)
    broken = as_mteb(plain, tmp_path / "broken")
    (broken / "corpus" / "corpus-00000.parquet").write_bytes(b"nothing")
    refused(r"broken/corpus: `datasets` cannot read it", BeirHubData(name="toy"), toy=broken)
    whole = as_mteb(plain, tmp_path / "whole", judgments="judged")
    in_cache(whole, cache, "ours/judged")
    in_cache(whole, cache, "ours/toy")
    refused(r"mteb/none can be had neither", BeirHubData(name="toy", hub="ours/toy", qrels="mteb/none"))
    wrong = BeirHubData(name="toy", hub="ours/toy", qrels="ours/judged")
    refused(r"ours/judged: none of its configurations is called default or qrels \(there are: corpus, queries", wrong)
