"""What was made is kept, and never hides a change: of records, of pages, of the code, of what is kept itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.figures.decided import CODE, decided_by, plain
from analysis.figures.forest import forest_figure
from analysis.figures.hardness import layout_figure
from analysis.figures.rates import rates_figure
from analysis.figures.rows import Row, draw_panels
from analysis.figures.steps import steps_figure
from analysis.figures.style import Figure
from analysis.figures.thresholds import thresholds_figure
from analysis.inputs import CODE as PROGRAM
from analysis.inputs import pages_decided_by
from analysis.kept import PACKAGE, digest_of, kept
from analysis.load import Study
from analysis.stats import paired_difference
from tests.analysis import synthetic
from tests.analysis.conftest import THREE

BLOCKS = {"docstrings": {"docstrings/test": 30}}
MARKED = "Before.\n\n<!-- table synthetic/docstrings: begin -->\n<!-- table synthetic/docstrings: end -->\n\nAfter.\n"
OWN = ("analysis", "experiments", "conf", "results")
"""Folders of the program and of what is committed with it."""
READS = """
import sys
from pathlib import Path
root, seen = Path(sys.argv[1]), set()
def heard(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and "r" in (arguments[1] or "r"):
        seen.add(Path(arguments[0]).resolve())
sys.addaudithook(heard)
from analysis.__main__ import main
assert main(["build", "--check", "--records", str(root)]) == 0
print(*sorted(str(path) for path in seen), sep="\\n")
"""
"""Prints what a check opens to read."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small study with its pages built and a page with markers beside them, so that everything is kept."""
    results = tmp_path / "results"
    synthetic.write_study(results, arms=THREE, blocks=BLOCKS, seeds=(0,))
    (tmp_path / "README.md").write_text(MARKED, encoding="utf-8")
    assert build(results) == 0
    assert build(results, "--check") == 0
    return results


def build(root: Path, *more: str) -> int:
    return main(["build", "--records", str(root), *more])


def in_a_process(code: str, *arguments: str, home: Path = PACKAGE) -> subprocess.CompletedProcess[str]:
    """Python of its own that finds the program in `home`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(home)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)


def test_a_text_is_made_once_for_what_decides_it(tmp_path: Path) -> None:
    made: list[str] = []

    def make(text: str) -> str:
        made.append(text)
        return text

    for text in ("one\nä", "one\nä", "two", "one\nä"):
        assert kept("name", partial(digest_of, [text]), partial(make, text), folder=tmp_path / "new") == text
    assert made == ["one\nä", "two", "one\nä"]
    assert kept("name", partial(digest_of, ["one\nä"]), partial(make, "other"), folder=None) == "other"


@pytest.mark.parametrize("damage", [b"", b"x", b"\xff\xfe", None])
def test_a_damaged_text_is_made_anew(damage: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "name"
    assert kept("name", lambda: "key", lambda: "text", folder=tmp_path) == "text"
    path.write_bytes(path.read_bytes().replace(b"text", b"tent") if damage is None else damage)
    assert kept("name", lambda: "key", lambda: "again", folder=tmp_path) == "again"
    assert kept("name", lambda: "key", lambda: "never", folder=tmp_path) == "again"


def test_a_folder_that_takes_nothing_loses_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for text in ("one", "two"):
        assert kept("name", lambda: "key", lambda text=text: text, folder=tmp_path / "file") == text


def test_what_changed_while_it_was_made_is_not_kept(tmp_path: Path) -> None:
    states = iter(["before", "after", "before", "before"])
    assert kept("name", lambda: next(states), lambda: "mixed", folder=tmp_path) == "mixed"
    assert kept("name", lambda: next(states), lambda: "whole", folder=tmp_path) == "whole"


def test_values_that_differ_are_told_apart() -> None:
    (scores, others) = np.random.default_rng(0).random((2, 3, 5))
    difference = paired_difference([scores], [others])
    values = [
        1, 1.5, np.float64(2.5), "1", None, True, [1], [1, 2], [[1], 2], {"a": 1}, {"a": 2}, {1: "a"},
        Row("a", None), Row("a", difference), Row("b", difference), Row("a", difference, marker="x"),
    ]  # fmt: skip
    assert len({repr(plain(value)) for value in values}) == len(values)
    assert plain(np.int64(3)) == plain(3)
    with pytest.raises(TypeError, match="not of ndarray"):
        plain(np.zeros(2))
    drawings = [partial(draw_panels, [1], axis=axis) for axis in ("a", "b")]
    assert len({decided_by(drawing) for drawing in drawings}) == 2
    assert decided_by(drawings[0]) == decided_by(partial(draw_panels, [1], axis="a"))


def test_the_files_that_decide_a_drawing_hold_every_function_that_draws(loaded: Study, tmp_path: Path) -> None:
    """As seen by the interpreter while figures are drawn."""
    made = (forest_figure, steps_figure, rates_figure, thresholds_figure, layout_figure)
    figures = [figure for make in made if (figure := make(loaded)) is not None]
    assert len(figures) >= 3
    seen: set[str] = set()
    sys.setprofile(lambda frame, event, _: seen.add(frame.f_code.co_filename) if event == "call" else None)
    try:
        for figure in figures:
            figure.drawing()
    finally:
        sys.setprofile(None)
    ours = {Path(name) for name in seen if name.startswith(str(PACKAGE / "analysis")) or "/experiments/" in name}
    assert ours
    assert ours <= {path for pattern in CODE for path in PACKAGE.glob(pattern)}


def test_a_kept_figure_is_not_drawn(loaded: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = forest_figure(loaded)
    assert figure is not None
    drawn = figure.kept_svg("one", folder=tmp_path)
    assert drawn == figure.svg
    monkeypatch.setattr(Figure, "svg", property(lambda _: b"drawn"))
    assert figure.kept_svg("one", folder=tmp_path) == drawn
    other = replace(figure, drawing=partial(figure.drawing, axis="another"))
    assert other.kept_svg("one", folder=tmp_path) == b"drawn"


def test_a_check_of_what_is_kept_needs_no_library(root: Path) -> None:
    heavy = ("numpy", "scipy", "pandas", "pyarrow", "matplotlib", "pydantic", "yaml")
    code = (
        "import sys; from analysis.__main__ import main; print(main(sys.argv[1:]), [n for n in %r if n in sys.modules])"
    )
    arguments = ("build", "--check", "--records", str(root))
    done = in_a_process(code % (heavy,), *arguments)
    assert done.stdout == "0 []\n", done.stderr
    # Pages are made anew, figures are not.
    for path in (root.parent / "outputs" / "pages").glob("*.json"):
        path.unlink()
    heavy = ("matplotlib", "pandas", "scipy.stats", "torch", "wandb", "mteb")
    done = in_a_process(code % (heavy,), *arguments)
    assert done.stdout == "0 []\n", done.stderr


@pytest.mark.parametrize(
    "file", ["synthetic/README.md", "synthetic/figures/methods.svg", "synthetic/tables/docstrings.csv", "README.md"]
)
def test_an_edited_page_is_found(file: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root.parent / file if file == "README.md" else root / file
    content = path.read_bytes()
    at = content.index(b"<!-- table synthetic/docstrings: end") if file == "README.md" else len(content)
    path.write_bytes(content[: at - 2] + b"9" + content[at - 1 :])
    capsys.readouterr()
    assert build(root, "--check") == 1
    assert file in capsys.readouterr().out
    path.write_bytes(content)
    assert build(root, "--check") == 0


def test_a_changed_record_is_found(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next((root / "records").glob("*/*.json"))
    before = path.read_bytes()
    synthetic.edit_record(path, lambda record: {"environment": {**record.environment, "threads": 77}})
    capsys.readouterr()
    assert build(root, "--check") == 1
    assert "synthetic/README.md" in capsys.readouterr().out
    path.write_bytes(before)
    assert build(root, "--check") == 0


def test_changed_scores_are_drawn_anew(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = (root / "synthetic" / "figures" / "methods.svg").read_bytes()
    shutil.rmtree(root)
    synthetic.write_study(root, arms=THREE, blocks={"docstrings": {"docstrings/test": 31}}, seeds=(0,))
    (root / "synthetic" / "figures").mkdir()
    (root / "synthetic" / "figures" / "methods.svg").write_bytes(figure)
    capsys.readouterr()
    assert build(root, "--check") == 1
    assert "synthetic/figures/methods.svg" in capsys.readouterr().out


def test_words_beside_a_table_are_the_user_s(root: Path) -> None:
    page = root.parent / "README.md"
    page.write_text(page.read_text(encoding="utf-8").replace("After.", "Changed."), encoding="utf-8")
    assert build(root, "--check") == 0
    assert build(root) == 0
    assert "Changed." in page.read_text(encoding="utf-8")


def test_damage_and_loss_of_what_is_kept_change_nothing(root: Path) -> None:
    folder = root.parent / "outputs" / "pages"
    files = sorted(folder.iterdir())
    assert {"studies.json", "others.json", "synthetic.methods.svg"} <= {path.name for path in files}
    whole = {path: path.read_bytes() for path in files}
    for path in files:
        path.write_bytes(whole[path].replace(b"0", b"1"))
    assert build(root, "--check") == 0
    assert {path: path.read_bytes() for path in sorted(folder.iterdir())} == whole
    shutil.rmtree(folder)
    assert build(root, "--check") == 0


def test_everything_that_a_check_reads_decides_it(root: Path) -> None:
    """A file that a page is made of changes the digest: the check's own reads are listened to while it makes all."""
    folder = root.parent / "outputs" / "pages"
    shutil.rmtree(folder)
    done = in_a_process(READS, str(root))
    assert done.returncode == 0, done.stderr
    opened = [Path(line) for line in done.stdout.splitlines()]
    own = [path for path in opened for name in OWN if path.is_relative_to(PACKAGE / name) and path.suffix != ".pyc"]
    assert set(own) <= {path for pattern in PROGRAM for path in PACKAGE.glob(pattern)}
    read = [path for path in opened if path.is_relative_to(root.parent)]
    pages = {root.parent / "README.md", *(root / "synthetic").rglob("*"), *folder.iterdir()} - {
        root / "synthetic" / "plan.json"
    }
    inputs = [path for path in read if path.is_file() and path not in pages]
    assert len(inputs) > 3
    before = pages_decided_by(root)
    for path in inputs:
        content = path.read_bytes()
        path.write_bytes(content + b" ")
        assert pages_decided_by(root) != before, path
        path.write_bytes(content)
    assert pages_decided_by(root) == before


def test_records_behind_a_link_count(root: Path, tmp_path: Path) -> None:
    (root / "records").rename(tmp_path / "elsewhere")
    (root / "records").symlink_to(tmp_path / "elsewhere")
    before = pages_decided_by(root)
    next((tmp_path / "elsewhere").glob("*/*.json")).write_text("{}", encoding="utf-8")
    assert pages_decided_by(root) != before


def test_changed_code_draws_anew(root: Path, tmp_path: Path) -> None:
    home = tmp_path / "program"
    for name in ("analysis", "experiments", "results/paper"):
        shutil.copytree(PACKAGE / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    check = partial(
        in_a_process, "import sys; from analysis.__main__ import main; sys.exit(main(sys.argv[1:]))", home=home
    )
    arguments = ("build", "--check", "--records", str(root))
    assert check(*arguments).returncode == 0
    style = home / "analysis" / "figures" / "style.py"
    text = style.read_text(encoding="utf-8")
    assert "#D55E00" in text
    style.write_text(text.replace("#D55E00", "#D55E01"), encoding="utf-8")
    done = check(*arguments)
    assert done.returncode == 1, done.stderr
    assert "synthetic/figures/methods.svg" in done.stdout
    style.write_text(text, encoding="utf-8")
    assert check(*arguments).returncode == 0
