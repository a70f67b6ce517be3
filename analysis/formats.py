"""A table of strings as Markdown, CSV and LaTeX (booktabs)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

DASH = "–"

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "<": "$<$",
}


@dataclass(frozen=True)
class Table:
    """header: column names. rows: cells as text. left: how many leading columns are text, aligned left."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def markdown(table: Table) -> str:
    """A pipe table, newline-terminated."""
    rule = ["---" if index < table.left else "---:" for index in range(len(table.header))]
    lines = [table.header, rule, *table.rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def aligned(table: Table) -> str:
    """Columns of equal width for a terminal, newline-terminated; the `left` first ones are aligned left."""
    lines = (table.header, *table.rows)
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.header))]
    return "".join(
        "  ".join(
            cell.ljust(width) if i < table.left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )


def comma_separated(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """RFC 4180 with plain newlines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def latex(table: Table, *, caption: str, label: str) -> str:
    """A booktabs table; needs ``\\usepackage{booktabs}``."""
    columns = "l" * table.left + "r" * (len(table.header) - table.left)
    body = [
        r"\begin{table}[t]",
        r"\centering\small",
        rf"\caption{{{_escape(caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _latex_line(table.header),
        r"\midrule",
        *(_latex_line(row) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(body) + "\n"


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(_escape(cell) for cell in cells) + r" \\"


def _escape(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def fixed(value: float | None, digits: int) -> str:
    """A number with so many decimals, or a dash."""
    return DASH if value is None else f"{value:.{digits}f}"


def signed(value: float, digits: int = 4) -> str:
    """With its sign, a true minus, and no negative zero."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0.0:
        return text
    return ("+" if value > 0 else "−") + text


def interval(mean: float, low: float, high: float, digits: int = 4) -> str:
    """Mean and interval: +0.0123 [+0.0050, +0.0196]."""
    return f"{signed(mean, digits)} [{signed(low, digits)}, {signed(high, digits)}]"


def share_text(mean: float, low: float, high: float) -> str:
    """A share of a whole with its interval: 56% [44, 69]."""
    mean_text, low_text, high_text = (f"{round(100 * value)}".replace("-", "−") for value in (mean, low, high))
    return f"{mean_text}% [{low_text}, {high_text}]"


def p_text(p: float | None) -> str:
    """Three decimals, or a bound."""
    if p is None:
        return DASH
    return "<.001" if p < 0.001 else f"{p:.3f}"


def percent(value: float | None) -> str:
    """A share as a percentage with one decimal, or a dash."""
    return DASH if value is None else f"{100 * value:.1f}%"
