"""What training data repeats of what is evaluated, against a brute force; what each action does about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.collections import leaks
from experiments.collections.leak_check import check_leaks
from experiments.collections.leaks import Evaluated, evaluated_of, find_leaks
from experiments.collections.splits import NEARLY_LEAKING, require_split
from experiments.config import BeirData, BeirPart, LeakCheck, MixtureData
from experiments.errors import UserError
from experiments.ir import Collection, Corpus, Qrels, Queries, Split, normalise_text
from tests.collections.test_near import shingle_set

PHRASES = (
    "how do i reset my password",
    "how do i reset my passwords",
    "How do I reset my password",
    "the treaty was signed in the year nineteen twelve by both of the kings",
    "the treaty was signed in the year nineteen twelve by both the kings",
    "opening hours of the town library",
    "",
)
NEAR = 0.7


def queries(*texts: str, prefix: str = "q") -> Queries:
    return Queries(ids=tuple(f"{prefix}{i}" for i in range(len(texts))), texts=texts)


def made(train: list[str], test: list[str], documents: list[str], judged: list[int], relevant: list[int]) -> Collection:
    """Train query i is answered by document judged[i], test query i by document relevant[i]."""

    def split(texts: list[str], answers: list[int], prefix: str) -> Split:
        pairs = {"query": range(len(texts)), "document": answers, "grade": [1] * len(texts)}
        return Split(queries=queries(*texts, prefix=prefix), qrels=Qrels.build(**pairs))

    corpus = Corpus(
        ids=tuple(f"d{i}" for i in range(len(documents))), titles=("",) * len(documents), texts=tuple(documents)
    )
    splits = {"train": split(train, judged, "train"), "test": split(test, relevant, "test")}
    return Collection(name="made", corpus=corpus, splits=splits, minable=np.ones(len(documents), dtype=bool), report={})


def like(one: str, other: str, *, passages: bool) -> str | None:
    one, other = normalise_text(one), normalise_text(other)
    if one and one == other:
        return "exact"
    a, b = (shingle_set(text, 3 if passages else 5, words=passages) for text in (one, other))
    return "near" if a and b and len(a & b) / len(a | b) >= NEAR else None


@settings(max_examples=60)
@given(data=st.data())
def test_counts_are_those_of_a_brute_force(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    texts = st.lists(st.sampled_from(PHRASES), min_size=1, max_size=4)
    train, test, documents = data.draw(texts), data.draw(texts), data.draw(texts)
    places = st.integers(0, len(documents) - 1)
    judged, relevant = ([data.draw(places) for _ in side] for side in (train, test))
    one = made(train, test, documents, judged, relevant)
    (found,) = find_leaks(
        {"made": one}, evaluated_of({"made": one}), near=NEAR, cache=tmp_path_factory.mktemp("cache")
    ).values()
    trained: dict[Any, list[str]] = {"queries": train, "positives": [documents[d] for d in judged]}
    evaluated: dict[Any, list[str]] = {"queries": test, "documents": [documents[d] for d in relevant]}
    counts, leaking = [], {}
    for of, ones in trained.items():
        hits = set()
        for to, others in evaluated.items():
            passages = of == "positives" and to == "documents"
            levels = [{like(text, other, passages=passages) for other in others} for text in ones]
            exact = sum("exact" in level for level in levels)
            near = sum("near" in level and "exact" not in level for level in levels)
            if exact or near:
                counts.append(("made", "made/test", of, to, exact, near))
            hits |= {i for i, level in enumerate(levels) if level - {None}}
        leaking[of] = sorted(hits)
    assert [tuple(count.model_dump().values()) for count in found.counts] == counts
    assert found.leaking == leaking
    assert (found.queries, found.positives) == (len(train), len(train))
    assert {of: leak.query for of, leak in found.first.items()} == {of: hits[0] for of, hits in leaking.items() if hits}


def planted() -> Collection:
    """Training query 1 is nearly a test query; the passage of training query 2 is nearly a relevant document."""
    long = "the treaty was signed in nineteen twelve by both of the kings after a winter of talks in the old capital"
    return made(
        ["where is the station", "how do i reset my passwords", "who signed the treaty"],
        ["how do i reset my password", "kings who signed"],
        ["trains leave from the north side", "open the settings", long, long.replace("winter", "summer"), "a menu"],
        [0, 1, 2],
        [4, 3],
    )


def checked(one: Collection, cache: Path, **leak: Any) -> Any:
    data = BeirData(name="made", positives="all", leak=LeakCheck(near=NEAR, **leak))
    return check_leaks(data, {"made": one}, evaluated_of({"made": one}), cache=cache)


def test_what_each_action_does(tmp_path: Path) -> None:
    one = planted()
    warned, facts = checked(one, tmp_path)
    assert warned["made"] is one
    found = {(count.of, count.to): (count.exact, count.near) for count in facts.found}
    assert found == {("queries", "queries"): (0, 1), ("positives", "documents"): (0, 1)}
    assert (facts.queries, facts.positives, facts.tasks, facts.removed) == (3, 3, ("made/test",), 0)

    removed, told = checked(one, tmp_path, action="remove")
    assert removed["made"].splits["train"].queries.ids == ("train0", "train2")
    assert removed["made"].splits["train"].qrels.document.tolist() == [0, 2]
    assert removed["made"].report == {NEARLY_LEAKING: 1}
    assert told == facts.model_copy(update={"removed": 1})
    strict, _ = checked(one, tmp_path, action="remove", of=("queries", "positives"))
    assert strict["made"].splits["train"].queries.ids == ("train0",)

    with pytest.raises(UserError) as caught:
        checked(one, tmp_path, action="error")
    assert str(caught.value) == (
        "data.leak.action=error: the training query 'train1' of made nearly repeats (similarity 0.96) the query "
        "'test0' of made/test: data.leak.action=remove takes them out of train, warn counts them"
    )
    with pytest.raises(UserError, match=r"'d2', a relevant passage of the training query 'train2', of made nearly"):
        checked(one, tmp_path, action="error", of=("positives",))


def test_only_equal_texts_count_where_near_is_null(tmp_path: Path) -> None:
    one = planted()
    data = BeirData(name="made", leak=LeakCheck(near=None, action="error", of=("queries", "positives")))
    _, facts = check_leaks(data, {"made": one}, evaluated_of({"made": one}), cache=tmp_path)
    assert (facts.found, facts.near) == ((), None)
    copied = replace(one, corpus=replace(one.corpus, texts=(*one.corpus.texts[:4], "How do I reset  my PASSWORDS")))
    with pytest.raises(UserError, match=r"'train1' of made repeats the relevant document 'd4' of made/test"):
        check_leaks(data, {"made": copied}, evaluated_of({"made": copied}), cache=tmp_path)


def test_where_all_leak_nothing_is_left_to_train_on(tmp_path: Path) -> None:
    one = made(["what is a leak"], ["what is a leaks"], ["x", "y"], [0], [1])
    left, _ = checked(one, tmp_path, action="remove")
    with pytest.raises(UserError, match=r"all 1 train queries of made are also .* or set data.leak.action=warn"):
        require_split(left["made"], "train", "this run trains")


def test_what_was_found_is_read_again_and_a_damaged_file_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = planted()
    _, facts = checked(one, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole[:20], encoding="utf-8")
    assert checked(one, tmp_path)[1] == facts
    assert file.read_text(encoding="utf-8") == whole
    monkeypatch.setattr(leaks, "_find", None)
    assert checked(one, tmp_path)[1] == facts


def test_every_part_of_a_mixture_is_compared_with_every_task(tmp_path: Path) -> None:
    one = planted()
    other = replace(made(["how do i reset my passwor"], ["z"], ["x", "y"], [0], [1]), name="other")
    elsewhere = Evaluated("far/test", queries("who signed the treaties"), Corpus(("a",), ("",), ("b",)))
    own = {"made": one, "other": other}
    parts = {name: BeirPart(name=name, positives="all") for name in own}
    data = MixtureData(parts=parts, leak=LeakCheck(action="remove", near=NEAR))
    left, facts = check_leaks(data, own, [*evaluated_of(own), elsewhere], cache=tmp_path)
    queries_found = {(c.part, c.task): c.near for c in facts.found if (c.of, c.to) == ("queries", "queries")}
    assert queries_found == {("made", "made/test"): 1, ("made", "far/test"): 1, ("other", "made/test"): 1}
    assert left["made"].splits["train"].queries.ids == ("train0",)
    assert "train" not in left["other"].splits
    assert facts.removed == 3


def test_a_part_has_no_leak_settings_of_its_own() -> None:
    strict = LeakCheck(action="remove")
    parts: Any = {"a": {"leak": strict.model_dump()}, "b": {}}
    with pytest.raises(ValueError, match="a has leak settings of its own: the mixture's hold for all parts"):
        MixtureData(parts=parts)
    found = MixtureData(parts={"a": {}, "b": {}}, leak=strict).collections()  # type: ignore[dict-item]
    assert [one.leak for one in found.values()] == [strict, strict]
