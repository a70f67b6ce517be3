"""Known false negatives at equal hardness: what is read off a curve, which methods lie apart, what is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.figures.hardness import draw_frontier, frontier_figure
from analysis.layouts import mined_layouts
from analysis.load import Study, load_study
from analysis.sources import open_source
from analysis.tables.frontier import frontier_markdown, read_at
from experiments.errors import UserError
from experiments.miners.methods import METHODS
from tests.analysis import synthetic
from tests.analysis.conftest import THREE
from tests.analysis.test_recommend import layout

NAIVE = layout("naive_topk", None, known=60, gap=0.01)
ABS = (layout("topk_abs", 0.3, known=20, gap=0.21), layout("topk_abs", 0.2, known=2, gap=0.31, kept=50))


def load(folder: Path) -> Study:
    return load_study(open_source(folder.parent), folder.name)


@pytest.mark.parametrize(
    ("gap", "known", "mined", "kept"),
    [(0.01, 60, 400, 1.0), (0.11, 35, 400, 1.0), (0.21, 20, 400, 1.0), (0.26, 7, 300, 0.75), (0.31, 2, 200, 0.5)],
)
def test_a_rate_lies_on_the_line_between_two_values(gap: float, known: int, mined: int, kept: float) -> None:
    """Half of the way the geometric mean: of 60.5 and 20.5 in 401 35.2, of 20.5 in 401 and 2.5 in 201 .0252 of 301."""
    found = read_at([ABS[1], NAIVE, ABS[0]], gap)
    assert found is not None
    assert (found.known.known, found.known.mined) == (known, mined)
    assert found.kept == pytest.approx(kept)


def test_there_is_no_rate_beyond_the_ends_of_a_curve() -> None:
    assert read_at([NAIVE, *ABS], 0.009) is None
    assert read_at([NAIVE, *ABS], 0.32) is None
    assert read_at([NAIVE], 0.01) is None
    assert read_at([NAIVE, *ABS, layout("topk_abs", 0.1, known=0, gap=0.5, kept=9)], 0.32) is None
    assert read_at([layout("random", None, known=0, gap=None), NAIVE], 0.01) is None


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """An arm excludes its hidden positives: a setting of its own."""
    folder = tmp_path_factory.mktemp("frontier")
    blocks = {"small": {"small/test": 40}, "other": {"other/test": 40}}
    return load(synthetic.write_study(folder, arms=THREE, seeds=(0,), blocks=blocks, until="mine"))


@pytest.fixture(scope="module")
def mined(both: Study) -> Study:
    runs = {run_id: run for run_id, run in both.runs.items() if run.config.mining.reveal == 0.0}
    return Study(both.plan, runs, both.groups)


def test_one_panel_for_two_settings_is_refused(both: Study) -> None:
    with pytest.raises(UserError, match="teacher minilm_l6 and small, but the study mines there in several"):
        frontier_figure(both)


def test_a_row_a_block_shows_the_reference_and_who_lies_apart(mined: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        "small": [
            NAIVE,
            *ABS,
            layout("topk_percpos", 0.95, known=70, gap=0.11),
            layout("topk_shifted", 10, known=230, gap=0.21),
        ],
        "other": [NAIVE, layout("topk_percpos", 0.9, known=100, gap=0.11)],
    }
    monkeypatch.setattr("analysis.tables.frontier.mined_layouts", lambda _study, block: points[block])
    head, _, *rows = frontier_markdown(mined, ["small", "other"]).split("\n\n")[0].splitlines()
    assert head.startswith("| block | gap | TopK-PercPos | TopK-MarginPos | TopK-Abs | ")
    (row,) = rows
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["small", "0.1100"]
    assert [cell.split(" ")[0] for cell in cells[2:6]] == ["17.5%", "–", "8.8%", "29.5%"]
    assert cells[6] == "100%, –, 100%, 100%"
    assert cells[7:] == ["TopK-Abs", METHODS["topk_shifted"].label]


def test_studies_that_train_have_no_frontier(tmp_path: Path) -> None:
    study = load(synthetic.write_study(tmp_path, blocks={"small": {"small/test": 40}}))
    assert frontier_markdown(study, study.plan.blocks) == ""
    assert frontier_figure(study) is None


def test_a_panel_for_each_teacher_and_collection(mined: Study) -> None:
    first, second = frontier_figure(mined), frontier_figure(mined)
    assert first is not None
    assert second is not None
    assert first.svg == second.svg
    (found,) = first.drawing.args
    assert list(found) == [(synthetic.TEACHER.name, "small"), (synthetic.TEACHER.name, "other")]
    assert found[synthetic.TEACHER.name, "other"] == [
        point for point in mined_layouts(mined, "other") if point.hardness.gap is not None
    ]
    drawn = draw_frontier({("a", "x"): [NAIVE, *ABS], ("b", "y"): [NAIVE]})
    titles = [ax.get_title(loc="left") for ax in drawn.axes if ax.get_visible()]
    assert titles == ["x, a", "y, b"]
