"""The paper's figures: what follows from them does, but for the inconsistencies that are listed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis.paper.derived import best_tasks, inconsistency_list, wrong_averages
from analysis.paper.read import PAPER, inconsistencies, paper_files, reproductions, score_table
from analysis.paper.schema import FalseNegatives, Optima, Overlaps, PaperFile, Scores
from analysis.paper.show import paper_table, shown
from experiments.errors import UserError

SCORES = ("table1", "table2", "table3", "table4", "table5", "table10")
METHODS = ("naive_topk", "topk_shifted", "topk_abs", "topk_marginpos", "topk_percpos")
SAMPLED = ("percpos_sampled", "percpos_top1_sampled")
TEACHERS = ("bm25", "random", "e5_large_unsupervised", "e5_large_v2", "arctic_embed_l", "nv_embed_v1", "e5_mistral")


def table(name: str) -> Scores:
    return score_table(name, asked_by="test")


def plain(name: str) -> dict[str, Any]:
    return yaml.safe_load((PAPER / f"{name}.yaml").read_text(encoding="utf-8"))


def test_every_table_is_there_with_its_source() -> None:
    files = paper_files()
    assert list(files) == [*sorted(SCORES[:-1]), "table6", "table10", "fig1", "fig2", "fig3", "fig4"]
    for item in files.values():
        assert "2407.15831" in item.source.paper
        assert item.source.versions
        assert item.source.read


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("table1", TEACHERS),
        ("table2", ("best_teacher", "cross_sample", "intra_sample_dedup", "intra_sample")),
        ("table3", (*METHODS, *SAMPLED)),
        ("table4", (*METHODS, "percpos_sampled")),
        ("table5", METHODS),
    ],
)
def test_rows_are_called_as_our_arms(name: str, rows: tuple[str, ...]) -> None:
    assert tuple(table(name).rows) == rows


def test_averages_are_those_of_their_columns_but_for_the_two_that_are_listed() -> None:
    """Each average anew, from the plain YAML: rounding of the columns and of the average is all that may differ."""
    wrong = []
    for name in SCORES:
        item = plain(name)
        for row, cells in item["rows"].items():
            mean = sum(cells["tasks"]) / len(cells["tasks"])
            printed = 10.0 ** -item["digits"]["tasks"] / 2 + 10.0 ** -item["digits"]["average"] / 2
            if abs(mean - cells["average"]) > printed + 1e-9:
                wrong.append(f"{name}/{row}")
    assert wrong == ["table2/cross_sample", "table2/intra_sample_dedup"]
    assert wrong == wrong_averages() == list(inconsistencies().averages)


def test_the_best_teacher_of_the_ensembles_is_that_of_the_teachers() -> None:
    assert table("table2").rows["best_teacher"].average == table("table1").rows["e5_mistral"].average
    assert table("table2").rows["best_teacher"].tasks == table("table1").rows["e5_mistral"].tasks


def test_differences_are_on_the_scale_from_0_to_1() -> None:
    assert table("table3").difference("topk_percpos", "naive_topk") == pytest.approx(0.0449)
    assert table("table5").difference("topk_percpos", "naive_topk") == pytest.approx(0.0911)
    assert table("table4").difference("percpos_top1_sampled", "naive_topk") is None


def test_percpos_is_best_or_tied_on_twelve() -> None:
    found = best_tasks(table("table5"), "topk_percpos")
    assert (len(found["best"]), found["tied"]) == (11, ["FiQA"])
    assert found["behind"] == ["CQADupstack", "SCIDOCS", "Touche-2020"]


def test_inconsistencies_say_the_figures_that_were_worked_out_by_hand() -> None:
    lines = [found.what for found in inconsistency_list()]
    for line, figures in zip(
        lines,
        [("0.5806", "0.5758"), ("0.5804", "0.5781"), ("0.5810", "0.5856", "0.0046", "0.0021", "0.0015"), ("12", "13")],
        strict=False,
    ):
        assert all(figure in line for figure in figures), line
    assert "NQ and HotpotQA" in lines[4]
    assert "+0.0002 to +0.0003" in lines[4]


def test_optima_lie_among_the_values_of_the_methods_table() -> None:
    """The score at an optimum is the methods table's, whose configurations are the same values."""
    files = paper_files()
    for name in ("fig1", "fig2"):
        item = files[name]
        assert isinstance(item, Optima)
        for row, optimum in item.rows.items():
            assert table(item.scores).rows[row].config.removeprefix("top-") == optimum.best


def test_false_negatives_imply_the_filtered_rate() -> None:
    item = paper_files()["fig3"]
    assert isinstance(item, FalseNegatives)
    assert [round(100 * rate.implied, 1) for rate in item.rows.values()] == [16.7, 23.5]


def test_every_pair_of_teachers_overlaps_by_no_more_than_the_text_says() -> None:
    item = paper_files()["table6"]
    assert isinstance(item, Overlaps)
    assert len(item.pairs) == 6
    assert max(max(pair.values) for pair in item.pairs) == item.below


@pytest.mark.parametrize("name", sorted(paper_files()))
def test_every_figure_is_shown_as_it_is_printed(name: str) -> None:
    item = paper_files()[name]
    text = shown(item)
    assert item.source.line in text
    if isinstance(item, Scores):
        cells = {cell for row in paper_table(item).rows for cell in row}
        written = (PAPER / f"{name}.yaml").read_text(encoding="utf-8")
        for row in plain(name)["rows"].values():
            assert f"average: {_printed(row['average'], item.digits.average)}\n" in written
            assert {_printed(value, item.digits.tasks) for value in row["tasks"]} <= cells


def _printed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"


def test_every_table_has_its_study_and_no_study_two() -> None:
    found = reproductions().studies
    assert {line.paper for line in found} == set(paper_files())
    assert len({line.study for line in found}) == len(found)
    for line in found:
        assert paper_files()[line.paper].study == line.study


@pytest.mark.parametrize("path", sorted(Path("conf/study").glob("*.yaml")), ids=lambda path: path.stem)
def test_studies_name_tables_and_rows_that_the_paper_has(path: Path) -> None:
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))["study"].get("paper")
    if declared is None:
        return
    name = declared if isinstance(declared, str) else declared["table"]
    item: PaperFile = paper_files()[name]
    rows = {} if isinstance(declared, str) else declared.get("rows", {})
    if isinstance(item, Scores) and isinstance(rows, Mapping):
        assert set(rows.values()) <= set(item.rows)


def test_what_does_not_fit_is_one_line(tmp_path: Path) -> None:
    item = plain("table3")
    item["rows"]["topk_percpos"]["tasks"].pop()
    (tmp_path / "table3.yaml").write_text(yaml.safe_dump(item), encoding="utf-8")
    with pytest.raises(UserError, match=r"table3\.yaml: scores: Value error, row 'topk_percpos' has 2 scores for 3"):
        paper_files(tmp_path)
    with pytest.raises(UserError, match="'fig1' is no table of scores: use one of table1"):
        score_table("fig1", asked_by="claims")
