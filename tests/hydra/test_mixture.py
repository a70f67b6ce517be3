"""data=mixture through the command: how parts are written, what is refused, and what a study chooses by."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from experiments import run
from experiments.command import compose
from experiments.command.build import Composed
from experiments.command.compose import CONF, Composer
from experiments.config import BeirData, DocstringsData, MixtureData, collections_of
from experiments.errors import UserError
from experiments.records.schema import RunRecord
from experiments.studies.planner import StudyPlanner
from experiments.studies.sweep import run_sweep
from tests.helpers.beir import write_beir
from tests.hydra.records import FakeLauncher, leave_record

TWO = ["data=mixture", "data.parts.a={train_queries: 5}", "data.parts.b.positives=one"]
STUDY = """\
# @package _global_
defaults:
  - override /data: mixture
data:
  name: land
  parts:
    b: {dev_queries: 3}
    a:
study:
  name: mixed
  question: which
  baseline: naive
  arms:
    naive: [miner=naive_topk]
    fewer: [miner=naive_topk, data.parts.a.train_queries=4, data.batches=by_collection]
  choose:
    percpos: {overrides: [miner=topk_percpos], key: miner.threshold, values: [0.9, 0.95]}
"""


def mixture(composed: Composed) -> MixtureData:
    assert isinstance(composed.config.data, MixtureData)
    return composed.config.data


def test_parts_are_written_as_mappings_or_key_by_key(composer: Composer) -> None:
    data = mixture(composer.run(TWO))
    assert collections_of(data) == {
        "a": BeirData(name="a", train_queries=5, positives="all"),
        "b": BeirData(name="b", positives="one"),
    }
    turned = composer.run([TWO[0], "data.parts={b: {positives: one}, a: {train_queries: 5}}"])
    assert turned.run_id == composer.run(TWO).run_id
    assert list(mixture(turned).parts) == ["a", "b"]


def test_a_part_has_the_defaults_of_its_own_choice(composer: Composer) -> None:
    data = mixture(composer.run(["data=mixture", "data.parts={a: {}, docstrings: {}}"]))
    plain = {name: composer.run(texts).config.data for name, texts in _plain().items()}
    assert collections_of(data) == plain
    assert isinstance(collections_of(data)["docstrings"], DocstringsData)


def _plain() -> dict[str, list[str]]:
    return {"a": ["data=beir", "data.name=a"], "docstrings": ["data=docstrings"]}


def test_the_file_holds_every_parameter() -> None:
    written = yaml.safe_load((CONF / "data" / "mixture.yaml").read_text(encoding="utf-8"))
    assert set(written) == {*MixtureData.model_fields, "path"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "a mixture needs two parts or more, and it has none"),
        (["data.parts.a={}"], "it has only a: give data.parts.NAME"),
        ([*TWO[1:], "data.parts.a.train_queris=3"], "data.parts.a has no key 'train_queris', did you mean 'train_q"),
        ([*TWO[1:], "data.parts.a.train_queries=x"], "data.parts.a.train_queries=x: should be a valid integer"),
        ([*TWO[1:], "data.parts.c={name: d}"], "the part c is named d: a part is called by its key"),
        ([*TWO[1:], "data.parts.c={kind: docstrings}"], "the part c has kind docstrings: call it docstrings"),
        ([*TWO[1:], "data.parts.c=3"], "data.parts.c=3: should be a mapping"),
        ([*TWO[1:], "data.parts.a.share=2"], "a has a share, but train_queries=null hands nothing out"),
        ([*TWO[1:], "data.train_queries=9"], "a has train_queries=5, but data.train_queries hands them out"),
        ([*TWO[1:], "data.name=a"], "the mixture and one of its parts are both called a"),
        (["data.parts={a: {path: ''}, b: {}}"], "data.parts.a.path is empty"),
        (["data.parts={a: {}, docstrings: {path: /x}}"], "data.parts.docstrings.path=/x: a part of kind docstrings"),
        ([*TWO[1:], "data.path=/x"], "data=mixture has a folder for each part"),
        ([*TWO[1:], "mining.positive_within=5"], "a mixture sets positive_within part by part"),
        (["data.parts={a: {}, b: {}}", "mining.reveal=0.5"], "but no part of the mixture hides any"),
        ([*TWO[1:], "evaluation.splits=[]"], "leaves nothing to measure"),
    ],
)
def test_a_mistake_is_one_line(composer: Composer, texts: list[str], message: str) -> None:
    with pytest.raises(UserError) as raised:
        composer.run(["data=mixture", *texts])
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_may_be_given_for_each_part(composer: Composer, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    composed = composer.run([*TWO, f"data.parts.a.path={tmp_path}/x"])
    assert composed.execution.data_paths == {"a": tmp_path / "x"}
    assert composed.run_id == composer.run(TWO).run_id


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Composer, list[str]]:
    """A study of a mixture, in a copy of conf/."""
    import shutil

    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf" / "study" / "mixed.yaml").write_text(STUDY, encoding="utf-8")
    monkeypatch.setattr(compose, "CONF", tmp_path / "conf")
    monkeypatch.setattr(compose, "add_plugins", lambda: None)
    return Composer(), ["study=mixed", f"outputs={tmp_path}/out", "execution.results=null"]


def test_an_arm_may_set_what_the_parts_do_not_have_yet(study: tuple[Composer, list[str]]) -> None:
    planner = StudyPlanner.make(study[1], study[0])
    found = {job.cell.arm: mixture(job.composed) for job in planner.phase_two() if job.cell is not None}
    assert found["fewer"].parts["a"].train_queries == 4
    assert found["fewer"].batches == "by_collection"
    assert found["naive"].parts["a"].train_queries is None
    assert planner.other is None


def test_another_part_makes_it_other_data(study: tuple[Composer, list[str]]) -> None:
    planner = StudyPlanner.make([*study[1], "data.parts.c.train_queries=3"], study[0])
    assert planner.other is not None
    assert planner.other.given == "land of a, b, c"
    same = StudyPlanner.make([*study[1], "data.parts.b.train_queries=3"], study[0])
    assert same.other is None
    assert {mixture(job.composed).parts["b"].train_queries for job in same.phase_two()} == {3}


def test_a_single_collection_keeps_its_own_name(study: tuple[Composer, list[str]], tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    planner = StudyPlanner.make([*study[1], "data=beir", f"data.path={tmp_path}/alone"], study[0])
    naive = [planner.job(cell) for cell in planner.cells() if cell.arm == "naive"]
    assert {job.composed.config.data.name for job in naive} == {"alone"}
    settings = [*study[1][1:], *TWO, "mining.positive_within=null"]
    demo = StudyPlanner.make(["study=demo", *settings], study[0])
    assert {mixture(job.composed).name for job in demo.phase_two()} == {"mixture"}


def test_a_value_is_chosen_by_the_mean_over_the_parts_dev_queries(study: tuple[Composer, list[str]]) -> None:
    scores = {0.9: {"a/dev": 0.9, "b/dev": 0.1}, 0.95: {"a/dev": 0.4, "b/dev": 0.8}}  # means .5 and .6

    class Launcher(FakeLauncher):
        def __call__(self, batch: list[list[str]], first: int) -> None:  # type: ignore[override]
            for overrides in batch:
                composed = self.composer.run(overrides)
                _leave(composed, scores.get(getattr(composed.config.miner, "threshold", 0.0), {}))

    composer, arguments = study
    run_sweep(arguments, composer=composer, launch=Launcher(composer))
    planner = StudyPlanner.make(arguments, composer)
    planner.phase_two()
    chosen = planner.chosen["main", "percpos"]
    assert {point.value: pytest.approx(point.mean) for point in chosen.curve} == {0.9: 0.5, 0.95: 0.6}
    assert chosen.value == 0.95


def _leave(composed: Composed, scores: dict[str, float]) -> RunRecord:
    return leave_record(composed, tasks=scores or {"a/test": 0.5})


def test_the_command_runs_a_mixture_typed_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BEIR_HOME", str(tmp_path))
    for name, seed in (("a", 1), ("b", 2)):
        write_beir(tmp_path / name, documents=60, train=20, seed=seed)
    small = ["teacher=bm25", "mining.depth=20", "until=mine", "execution.threads=1", "tracker=none"]
    out = [f"outputs={tmp_path}/out", "execution.results=null"]
    assert run.main([*TWO, *small, *out]) == 0
    assert run.main([TWO[0], "data.parts={b: {positives: one}, a: {train_queries: 5}}", *small, *out]) == 0
    assert run.main(["-m", *TWO, *small, *out, "data.parts.a.train_queries=5,6"]) == 0
    assert "sweep: 2 runs, 1 already done" in capsys.readouterr().out
    assert len(list((tmp_path / "out/store/records").glob("*/*.json"))) == 2
