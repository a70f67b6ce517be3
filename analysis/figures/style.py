"""The look of every figure, and bytes that depend on the records alone."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.figures.decided import decided_by
from analysis.kept import kept
from experiments.miners.methods import METHODS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
"""Okabe and Ito's palette, told apart by colour-blind readers."""

GREY = "#5a5a5a"

DOTS = 200
"""Per inch, of pixels."""

MARKS = {
    "naive_topk": (BLACK, "o"),
    "topk_shifted": (ORANGE, "s"),
    "topk_abs": (PURPLE, "D"),
    "topk_marginpos": (BLUE, "^"),
    "topk_percpos": (RED, "v"),
    "topk_quantile": (SKY, "p"),
    "topk_calibrated": (SKY, "h"),
    "random": (GREEN, "P"),
}
"""miner kind -> (colour, marker); a method that has none here is drawn in grey."""


@dataclass(frozen=True)
class Look:
    """How one method is drawn: its name in the legend, its colour, its marker."""

    label: str
    colour: str
    marker: str


def look(kind: str) -> Look:
    """The look of a method, by its config's kind."""
    colour, marker = MARKS.get(kind, (GREY, "X"))
    return Look(METHODS[kind].label, colour, marker)


SETTINGS: dict[str, Any] = {
    "svg.hashsalt": "which-hard-negatives",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class Figure:
    """File name without its ending, title for those who cannot see it, caption.

    drawing: a function with the plain values that it draws; matplotlib is imported when it is called.
    """

    name: str
    title: str
    caption: str
    drawing: partial[Canvas]

    @property
    def svg(self) -> bytes:
        """Without date or version, with a fixed salt: equal drawings are equal bytes."""
        return self._saved("svg", {"Date": None, "Creator": None})

    def kept_svg(self, what: str, *, folder: Path | None) -> bytes:
        """`svg`, drawn only where the same drawing is not kept in `folder` under the name `what`."""
        decided = partial(decided_by, self.drawing)
        return kept(f"{what}.svg", decided, lambda: self.svg.decode("utf-8"), folder=folder).encode("utf-8")

    @property
    def png(self) -> bytes:
        """Pixels for slides and manuscripts; their bytes are those of one version of matplotlib."""
        return self._saved("png", {"Software": None})

    def _saved(self, kind: str, metadata: Mapping[str, None]) -> bytes:
        buffer = io.BytesIO()
        drawn = self.drawing()
        _lay_out(drawn)
        drawn.savefig(buffer, format=kind, dpi=DOTS, metadata=metadata)
        return buffer.getvalue()


def _lay_out(drawn: Canvas) -> None:
    """Fix the layout, which savefig would draw everything once more for: that is half of what a figure costs.

    At 72 dots per inch and with the letters of the vector format, as savefig does.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    engine = drawn.get_layout_engine()
    if engine is not None:
        FigureCanvasSVG(drawn)
        drawn.set_dpi(72)
        engine.execute(drawn)
        drawn.set_layout_engine(None)


def canvas(width: float, height: float, *, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Canvas, Any]:
    """A figure of width x height inches and its (rows, columns) array of axes."""
    from matplotlib.figure import Figure as Canvas

    _set_style()
    figure = Canvas(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


@cache
def _set_style() -> None:
    import matplotlib as mpl

    mpl.rcdefaults()  # a user's own matplotlibrc must not change committed bytes
    mpl.rcParams.update(SETTINGS)  # type: ignore[arg-type]


def rounded(value: float) -> float:
    """Six decimals: the last bits of a sum depend on the machine, a figure must not."""
    return round(float(value), 6)
