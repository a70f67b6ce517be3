"""What each method and value mined, of runs that stopped after mining."""

from __future__ import annotations

from analysis.arms import KnownFalse
from analysis.formats import DASH, Table, fixed, markdown, percent
from analysis.layouts import Layout
from analysis.tables.cells import known_text


def layout_table(found: list[Layout]) -> Table:
    """One line per method and value; what was cut from the positive's whole where documents name wholes."""
    header: tuple[str, ...] = (
        "method", "value", "seeds", "rows kept", "yield", "rejected", "mined", "known false negatives [Wilson 95%]",
        "above own positive", "hardness: mean score gap to the positive", "mean rank",
    )  # fmt: skip
    rows = [_cells(layout) for layout in found]
    if any(layout.together is not None for layout in found):
        header = (*header, "from the positive's whole")
        rows = [(*row, _together(layout)) for row, layout in zip(rows, found, strict=True)]
    return Table(header, tuple(rows))


def _together(layout: Layout) -> str:
    return DASH if layout.together is None or not layout.mined else percent(layout.together / layout.mined)


def _cells(layout: Layout) -> tuple[str, ...]:
    return (
        layout.kind,
        DASH if layout.value is None else f"{layout.value:g}",
        str(layout.seeds),
        str(layout.kept),
        percent(layout.kept / layout.rows if layout.rows else None),
        percent(layout.rejected / layout.candidates if layout.candidates else None),
        str(layout.mined),
        known_text(KnownFalse(layout.known, layout.mined) if layout.mined else None),
        percent(layout.hardness.above),
        fixed(layout.hardness.gap, 4),
        fixed(layout.hardness.rank, 1),
    )


def layout_markdown(found: list[Layout]) -> str:
    """A table per setting."""
    settings = dict.fromkeys(layout.setting for layout in found)
    parts = [f"**{name}**\n\n{markdown(layout_table([f for f in found if f.setting == name]))}" for name in settings]
    note = (
        "Known false negatives: mined negatives judged relevant but hidden, a lower bound; pooled over seeds, "
        "the interval as if they were independent. Above own positive: share of the ranked negatives that the teacher "
        "scores above their row's positive. Hardness: the smaller the gap, the harder the negatives.\n"
    )
    return "\n".join([*parts, note])
