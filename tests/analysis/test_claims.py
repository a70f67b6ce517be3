"""The page of claims: what is judged how, on which runs, and with which command the rest would be tested."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis.__main__ import main
from analysis.arms import KnownFalse
from analysis.claims.here import Line, fewer_false, judged, lines
from analysis.claims.page import claims_pages
from analysis.claims.schema import Claim, Kind, read_claims
from analysis.claims.there import effects
from analysis.compare import compare_arms
from analysis.formats import interval
from analysis.load import Study, load_study
from analysis.paper.read import PAPER
from analysis.sources import open_source
from analysis.stats import Components, Difference, equivalence_p
from experiments.errors import UserError
from experiments.records.mining import MemberOverlap
from experiments.versions import EMBED
from tests.analysis import synthetic
from tests.analysis.conftest import THREE
from tests.analysis.test_registry import declare

TASKS = {"docstrings": {"docstrings/test": 40}}
HIGHER = {
    "claim": "PercPos is better.",
    "kind": "higher",
    "pairs": [["topk_percpos", "naive_topk"]],
    "there": ["table3"],
}
ABOUT = {"study": "table3_methods", "scales": ["cpu", "gpu"]}


def claim(**changed: Any) -> Claim:
    return Claim.model_validate({**HIGHER, "tests": [ABOUT], **changed})


def difference(low: float, high: float) -> Difference:
    """An interval over so many queries that its width comes from one variance."""
    half, queries = (high - low) / 2, 10**6
    parts = Components(1, (queries,), 0.0, (queries * (half / 1.96) ** 2,), (0.0,))
    return Difference((low + high) / 2, low, high, 0.5, 0.95, parts)


@pytest.mark.parametrize(
    ("kind", "low", "high", "verdict"),
    [
        ("higher", 0.001, 0.02, "holds"),
        ("higher", -0.001, 0.02, "not separable"),
        ("higher", -0.02, -0.001, "reversed"),
        ("at_least", -0.004, 0.02, "holds"),
        ("at_least", -0.006, 0.02, "not separable"),
        ("at_least", -0.02, -0.006, "reversed"),
        ("not_higher", -0.02, 0.004, "holds"),
        ("not_higher", -0.02, 0.006, "not separable"),
        ("not_higher", 0.006, 0.02, "reversed"),
        ("equivalent", -0.004, 0.004, "holds"),
        ("equivalent", -0.008, 0.004, "not separable"),
        ("equivalent", 0.006, 0.02, "reversed"),
    ],
)
def test_verdicts_at_a_margin_of_five_thousandths(kind: Kind, low: float, high: float, verdict: str) -> None:
    found = difference(low, high)
    assert judged(kind, found, 0.005) == verdict
    if kind == "equivalent":
        assert (equivalence_p(found, 0.005) < 0.05) == (verdict == "holds")


def test_rates_are_told_apart_by_their_intervals() -> None:
    assert fewer_false(KnownFalse(100, 2000), KnownFalse(200, 2000)) == ("holds", "")
    assert fewer_false(KnownFalse(200, 2000), KnownFalse(100, 2000)) == ("reversed", "")
    assert fewer_false(KnownFalse(100, 2000), KnownFalse(110, 2000)) == ("not separable", "")
    assert fewer_false(KnownFalse(0, 2000), KnownFalse(0, 2000))[0] == "not tested here"


def test_effects_are_those_of_the_papers_tables() -> None:
    assert effects(claim(), PAPER) == "Table 3: +0.0449"
    assert effects(claim(there=["table5"]), PAPER) == "Table 5: +0.0911"
    ensembles = claim(pairs=[["cross_sample", "best_teacher"]], there=["table2"])
    assert effects(ensembles, PAPER) == "Table 2: −0.0004, by its columns −0.0053"
    assert effects(claim(there=["fig3"]), PAPER) == "NQ 38.8%, 57% fewer; StackExchange 47.0%, 50% fewer"
    with pytest.raises(UserError, match="Table 2 lacks 'topk_percpos' or 'naive_topk'"):
        effects(claim(there=["table2"]), PAPER)


def test_every_claim_of_the_repository_has_its_effect() -> None:
    found = read_claims(PAPER)
    assert len(found) >= 9
    assert all(effects(one, PAPER) for one in found)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of table 3 with five seeds; never changed."""
    root = tmp_path_factory.mktemp("claims") / "results"
    folder = synthetic.write_study(root, name="table3_methods_cpu", arms=THREE, blocks=TASKS, seeds=(0, 1, 2, 3, 4))
    declare(folder, paper={"table": "table3", "rows": {"naive_topk_reveal1": "topk_abs"}})
    return root


def published(root: Path) -> dict[str, Callable[[], Study]]:
    return {name: lambda name=name: load_study(open_source(root), name) for name in open_source(root).studies()}


def test_a_line_for_each_scale_with_ours_or_the_command(root: Path) -> None:
    here, there = lines(claim(), published(root), PAPER)
    study = load_study(open_source(root), "table3_methods_cpu")
    expected = compare_arms(study, "docstrings", "topk_percpos", "naive_topk", ["docstrings/test"])
    assert expected is not None
    assert here.ours == interval(expected.mean, expected.low, expected.high)
    assert (here.block, here.seeds, here.command) == ("docstrings", "5", "")
    assert here.verdict == ("holds" if expected.low > 0 else "not separable")
    assert there.verdict == "not tested here"
    assert there.command == "python -m experiments.run -m study=table3_methods scale=gpu"


def one(root: Path, **changed: Any) -> Line:
    (line,) = lines(claim(tests=[{"study": "table3_methods", "scales": ["cpu"]}], **changed), published(root), PAPER)
    return line


def test_an_arm_is_found_by_the_row_that_it_stands_for(root: Path) -> None:
    line = one(root, pairs=[["topk_abs", "naive_topk"]])
    assert line.contrast == "naive_topk_reveal1 − naive_topk"
    assert line.ours != "–"
    own = one(root, pairs=[["naive_topk_reveal1", "naive_topk"]])
    assert (own.contrast, own.ours) == (line.contrast, line.ours)


def test_a_study_of_other_names_says_which_arms_stand_for_the_pair(root: Path) -> None:
    renamed = {"study": "table3_methods", "scales": ["cpu"], "pairs": [["topk_percpos", "topk_abs"]]}
    (line,) = lines(claim(tests=[renamed]), published(root), PAPER)
    assert line.contrast == "topk_percpos − naive_topk_reveal1"


def test_a_study_without_the_arm_says_so(root: Path) -> None:
    line = one(root, pairs=[["topk_marginpos", "naive_topk"]])
    assert (line.verdict, line.why) == ("not tested here", "the study lacks one of these arms")


def test_fewer_than_five_seeds_give_figures_and_no_verdict(tmp_path: Path) -> None:
    synthetic.write_study(tmp_path, name="table3_methods_cpu", arms=THREE, blocks=TASKS, seeds=(0, 1, 2, 3))
    line = one(tmp_path)
    assert (line.verdict, line.why, line.seeds) == ("not tested here", "4 of at least 5 seeds", "4")
    assert line.ours.startswith(("+", "−"))
    assert line.command == "python -m experiments.run -m study=table3_methods_cpu"


def test_a_claim_about_a_margin_needs_one(root: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(root, tmp_path / "results"))
    declare(copied / "table3_methods_cpu", margin=None)
    assert one(copied, kind="at_least").why == "no margin declared"
    assert one(copied).why == ""


def test_known_false_negatives_side_by_side(root: Path) -> None:
    line = one(root, kind="fewer_false", there=["fig3"])
    assert line.verdict == "holds"
    assert line.ours.endswith("% fewer)")
    assert " against " in line.ours


def test_runs_that_stop_after_mining_have_rates(tmp_path: Path) -> None:
    study = {"arms": THREE, "blocks": {"docstrings": {}}, "seeds": (0, 1, 2, 3, 4), "until": "mine"}
    synthetic.write_study(tmp_path, name="table3_methods_cpu", **study)
    assert one(tmp_path, kind="fewer_false", there=["fig3"]).verdict == "holds"
    assert one(tmp_path).why == "not run"


def test_overlaps_that_nobody_measured_are_not_run(root: Path) -> None:
    line = one(root, kind="overlap", pairs=[], there=["table6"])
    assert (line.verdict, line.why) == ("not tested here", "not run")
    assert line.command.startswith("python -m experiments.run -m study=table3_methods")


@pytest.mark.parametrize(
    ("values", "ours", "verdict"),
    [
        ((0.02, 0.29, None), "0.02 to 0.29 in 2 cells", "holds"),
        ((0.02, 0.3, 0.1), "0.02 to 0.30 in 3 cells", "reversed"),
        ((None, None, None), "–", "not tested here"),
    ],
)
def test_overlaps_hold_below_the_bound_of_the_paper_in_every_cell(
    root: Path, values: tuple[float | None, ...], ours: str, verdict: str
) -> None:
    study = published(root)["table3_methods_cpu"]()
    planned = next(run for run in study.plan.runs if run.arm == "topk_percpos" and run.seed == 0)
    run = study.runs[planned.run_id]
    assert run.record.mining is not None
    pairs = zip([(0, 1), (0, 2), (1, 2)], values, strict=True)
    overlap = tuple(MemberOverlap(first=a, second=b, jaccard=value) for (a, b), value in pairs)
    mining = run.record.mining.model_copy(update={"overlap": overlap})
    record = run.record.model_copy(update={"mining": mining})
    compared = Study(study.plan, {**study.runs, planned.run_id: replace(run, record=record)}, study.groups)
    overlaps = claim(kind="overlap", pairs=[], there=["table6"], tests=[{"study": "compared"}])
    (line,) = lines(overlaps, {"compared": lambda: compared}, PAPER)
    assert (line.contrast, line.ours, line.verdict) == ("topk_percpos", ours, verdict)


def test_outdated_runs_are_marked(tmp_path: Path) -> None:
    folder = synthetic.write_study(tmp_path, name="table3_methods_cpu", arms=THREE, blocks=TASKS, seeds=(0, 1, 2, 3, 4))
    for path in (folder.parent / "records").glob("*/*.json"):
        synthetic.edit_record(path, lambda record: {"versions": {**record.versions, "embed": EMBED.version - 1}})
    line = one(tmp_path)
    assert line.outdated
    assert "topk_percpos outdated" in line.marks


def test_build_writes_the_page_and_check_compares_it(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Path(shutil.copytree(root, tmp_path / "results"))
    shutil.copytree(PAPER, results / "paper")
    told = [{**HIGHER, "tests": [ABOUT]}, {**HIGHER, "claim": "Other.", "tests": [{**ABOUT, "further": True}]}]
    (results / "paper" / "claims.yaml").write_text(yaml.safe_dump({"claims": told}), encoding="utf-8")
    assert main(["build", "--records", str(results)]) == 0
    path = results / "claims" / "README.md"
    text = path.read_text(encoding="utf-8")
    assert "| 1 | PercPos is better. | Table 3 | Table 3: +0.0449 |" in text
    assert "(../table3_methods_cpu/README.md)* | docstrings |" in text
    assert "- `python -m experiments.run -m study=table3_methods scale=gpu`: claims 1, 2\n" in text
    assert "0.5758" in text.split("## What the paper's figures contradict")[1]
    source = open_source(results)
    assert claims_pages(source, lambda name: load_study(source, name)) == {path: text.encode()}
    path.write_text(text.replace("0.0449", "0.0499"), encoding="utf-8")
    capsys.readouterr()
    assert main(["build", "--records", str(results), "--check"]) == 1
    assert "claims/README.md" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pairs": []}, "a claim of kind higher should have pairs"),
        ({"kind": "overlap"}, "a claim of kind overlap should have no pairs"),
        ({"kind": "better"}, "Input should be 'higher'"),
    ],
)
def test_a_claim_that_cannot_be_is_one_line(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    (tmp_path / "claims.yaml").write_text(
        yaml.safe_dump({"claims": [{**HIGHER, "tests": [ABOUT], **changed}]}), encoding="utf-8"
    )
    with pytest.raises(UserError, match=r"claims\.yaml: claims\.0") as caught:
        read_claims(tmp_path)
    assert said in str(caught.value)
