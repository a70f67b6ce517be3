from __future__ import annotations

import pytest

from experiments.collections.docstring_prose import MAX_PASSAGE_CHARACTERS, cut, first_sentence, pair, prose

LONG = "It walks over every row of the table and keeps those that match the pattern."

NUMPYDOC = f"""
    Find the rows that match a pattern. {LONG}

    Uses :func:`~numpy.where` and ``numpy.take``, as in *Knuth* [1]_.

    .. versionadded:: 1.2
        With a note that is no prose.

    For example::

        rows = find(table)

    Parameters
    ----------
    table : DataFrame
        Never shown.

    Notes
    -----
    The cost is linear.

    >>> find(table)
    1

    Examples
    --------
    Never shown either.
    """


def test_passage_is_prose_without_sections_directives_doctests_and_markup() -> None:
    assert pair(NUMPYDOC) == (
        "Find the rows that match a pattern",
        f"{LONG} Uses numpy.where and numpy.take, as in Knuth. For example The cost is linear.",
    )


@pytest.mark.parametrize(
    "tail",
    [
        ":param table: never shown\n:returns: never shown",
        "Args:\n    table: never shown\n\n    rows: never shown",
        ".. math:: never shown\n\n    never shown",
        ">>> never_shown()\nnever shown",
        "=====  =====\nnever  shown\n=====  =====",
        "See Also\n--------\nnever shown",
        "See never_shown for more.",
    ],
)
def test_what_is_not_prose_leaves_nothing_behind(tail: str) -> None:
    found = pair(f"Find the rows that match a pattern.\n\n{LONG}\n\n{tail}\n")
    assert found == ("Find the rows that match a pattern", LONG)


def test_a_signature_line_is_not_the_question() -> None:
    found = pair(f"find(table, pattern=None)\n\nFind the matching rows of it.\n\n{LONG}")
    assert found is not None
    assert found[0] == "Find the matching rows of it"


@pytest.mark.parametrize(
    ("paragraph", "head"),
    [
        ("Sort rows, e.g. Names of people. Then stop.", "Sort rows, e.g. Names of people"),
        ("Compute x. y follows.", "Compute x. y follows"),
        ('Say "done." Then stop.', 'Say "done."'),
        ("No full stop", "No full stop"),
    ],
)
def test_first_sentence(paragraph: str, head: str) -> None:
    assert first_sentence(paragraph)[0] == head


@pytest.mark.parametrize(
    "query",
    [
        "Two words",
        "Options of the solver are listed here",
        "Parameters of the solver in use",
        "Copyright of the authors of this",
        "Initialize self with the given values",
        "Internal helper of the solver module",
        "Deprecated since the last release",
        "TODO write this part of it",
        "Alias for the other function here",
        "See the other function for more",
        "Format of %(name)s in the table",
        "a -> b and then c",
        "x = y + z * 2 by rule",
        " ".join(["word"] * 41),
    ],
)
def test_refused_questions(query: str) -> None:
    assert pair(f"{query}.\n\n{LONG}") is None


@pytest.mark.parametrize(
    "passage",
    [
        "Too short to be a passage.",
        "Antidisestablishmentarianism notwithstanding, incomprehensibilities.",
        "See the docstring of the other function, which tells all about it.",
        "a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9",
        "The %(klass)s holds the values of the table in the given order.",
    ],
)
def test_refused_answers(passage: str) -> None:
    assert pair(f"Find the rows that match.\n\n{passage}") is None


def test_a_docstring_that_opens_with_a_heading_has_no_question() -> None:
    assert prose(f"Title of it\n===========\n\nFind the rows.\n\n{LONG}") == []


def test_cut_ends_at_a_word_within_the_limit() -> None:
    text = "word " * 200
    assert cut(text) == ("word " * (MAX_PASSAGE_CHARACTERS // 5)).strip()
    exact = "a" * (MAX_PASSAGE_CHARACTERS - 2) + " b"
    assert cut(exact + " c") == exact
    assert len(cut("a" * 1000)) == MAX_PASSAGE_CHARACTERS
