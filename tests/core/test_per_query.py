"""The digest of per-query scores is that of pandas' CSV, whatever stands in them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st

from experiments.records.per_query import csv_digest, sorted_by_task
from experiments.records.schema import MEASURES, PER_QUERY_COLUMNS, per_query_digest

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
AWKWARD = st.sampled_from(["a,b", 'a"b', "a\nb", "a\rb", " a", "", "é", "\U0001f600", "q1", "q10", "#", "\ufeff"])
NUMBER = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=64),
    st.sampled_from([0.0, -0.0, 1.0, 1 / 3, 1e-5, 1e-4, 1e15, 1e16, 1e17, 5e-324, 0.1 + 0.2, 100.0]),
)
ROWS = st.lists(st.tuples(TEXT | AWKWARD, TEXT | AWKWARD, *[NUMBER] * len(MEASURES)), max_size=12)


def pandas_digest(scores: pd.DataFrame) -> str:
    """How the digests of the committed records were made."""
    keys = ["task", "query_id"]
    typed = scores[list(PER_QUERY_COLUMNS)].astype(dict.fromkeys(keys, "str"))
    ordered = typed.astype(dict.fromkeys(MEASURES, "float64")).sort_values(keys, kind="stable")
    return hashlib.sha256(ordered.to_csv(index=False, lineterminator="\n").encode("utf-8")).hexdigest()


@given(rows=ROWS)
@example(rows=[("a/test", "q2", 1e16, -0.0, float("nan"), 1e-5), ("a/test", "q10", 0.1, 1e22, float("inf"), 1 / 3)])
def test_the_digest_is_that_of_pandas_csv(rows: list[tuple[str | float, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=list(PER_QUERY_COLUMNS))
    assert per_query_digest(frame) == pandas_digest(frame)


@given(rows=ROWS, seed=st.integers(0, 9))
def test_the_order_of_rows_with_names_of_their_own_does_not_matter(
    rows: list[tuple[str | float, ...]], seed: int
) -> None:
    unique = list({row[:2]: row for row in rows}.values())
    shuffled = [unique[at] for at in np.random.default_rng(seed).permutation(len(unique))]
    digests = [
        csv_digest(
            sorted_by_task(
                [str(row[0]) for row in listed],
                [str(row[1]) for row in listed],
                np.array([row[2:] for row in listed], dtype=np.float64).reshape(-1, len(MEASURES)),
            ),
            PER_QUERY_COLUMNS,
        )
        for listed in (unique, shuffled)
    ]
    assert digests[0] == digests[1]
