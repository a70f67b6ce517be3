"""Groups of queries as a file: one form whatever the order, and nothing else is read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import UserError
from experiments.records.groups import group_table, groups_path, read_groups, write_groups

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(NAMES, NAMES), st.randoms())
def test_the_order_of_queries_does_not_matter(groups: dict[str, str], random: object) -> None:
    shuffled = list(groups.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    table = group_table([query for query, _ in shuffled], [group for _, group in shuffled])
    assert table.to_pydict() == {"query_id": sorted(groups), "group": [groups[query] for query in sorted(groups)]}
    assert table.schema.metadata is None


def test_equal_groups_are_equal_bytes_and_come_back(tmp_path: Path) -> None:
    one, other = groups_path(tmp_path / "one", "abc"), groups_path(tmp_path / "other", "abc")
    write_groups(one, ["q2", "q10", "q1"], ["b", "a", "b"])
    write_groups(other, ["q1", "q2", "q10"], ["b", "b", "a"])
    assert one.read_bytes() == other.read_bytes()
    assert b"pandas" not in one.read_bytes()
    assert read_groups(one) == {"q1": "b", "q2": "b", "q10": "a"}
    assert [path.name for path in one.parent.iterdir()] == ["abc.parquet"]


def test_another_reader_sees_two_columns_of_strings(tmp_path: Path) -> None:
    write_groups(tmp_path / "x.parquet", ["q2", "q1"], ["b", "a"])
    frame = pd.read_parquet(tmp_path / "x.parquet")
    assert frame.to_dict("list") == {"query_id": ["q1", "q2"], "group": ["a", "b"]}


def test_a_file_that_holds_the_same_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_groups(path, ["q1"], ["a"])
    before = path.stat()
    write_groups(path, ["q1"], ["a"])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    write_groups(path, ["q1"], ["b"])
    assert read_groups(path) == {"q1": "b"}


def test_every_content_has_a_file_name() -> None:
    assert groups_path(Path("results"), "0a1b") == Path("results/groups/0a1b.parquet")
    assert groups_path(Path("results"), "mteb:NFCorpus:main/x") == Path("results/groups/mteb_NFCorpus_main_x.parquet")


@pytest.mark.parametrize(
    ("queries", "groups", "message"),
    [
        (["q1", "q2"], ["a"], "2 queries with 1 groups"),
        (["q1", "q1"], ["a", "b"], "query 'q1' has 2 groups"),
        (["q1"], [""], "without a name"),
        ([""], ["a"], "without a name"),
    ],
)
def test_what_is_no_grouping_is_refused(queries: list[str], groups: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        group_table(queries, groups)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"query_id": ["q1"]}, "no column group"),
        ({"query_id": ["q1", "q1"], "group": ["a", "b"]}, "query 'q1' has 2 groups"),
        ({"query_id": ["q1"], "group": [None]}, "without a name"),
    ],
)
def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path, columns: dict, message: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({name: pa.array(found, pa.string()) for name, found in columns.items()}), path)
    with pytest.raises(UserError, match=rf"x\.parquet: .*{message}"):
        read_groups(path)


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(UserError, match=r"x\.parquet: no parquet file"):
        read_groups(path)
