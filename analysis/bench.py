"""The page of the bench: what `python -m experiments.bench` has measured, one machine after another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.figures.cost import cost_figure
from analysis.formats import DASH, Table, markdown
from analysis.sources import Source
from experiments.bench.values import FILE, MEASURE, Bench, Curve, Machine, Measured
from experiments.measured import read_measured

MANY = 10_000_000
"""Documents for which memory is worked out."""


def bench_pages(source: Source, *, keep: Path | None = None) -> dict[Path, bytes]:
    """README.md of what was measured, where there is any, and the figures of each machine.

    keep: where figures that were drawn already are kept; None draws all.
    """
    folder = source.root / "bench"
    found = {path.parent.name: read_measured(path, Bench, command=MEASURE) for path in sorted(folder.glob(f"*/{FILE}"))}
    if not found:
        return {}
    pages = {folder / "README.md": bench_page(found).encode()}
    for name, bench in found.items():
        if bench.curves:
            pages[folder / name / "cost.svg"] = cost_figure(bench.curves).kept_svg(f"bench.{name}", folder=keep)
    return pages


def bench_page(found: dict[str, Bench]) -> str:
    """Every machine's table and figure as Markdown."""
    return "\n".join(
        [
            "# Every stage beside its peers",
            "",
            f"`{MEASURE}` measures on your machine. Both sides of a case take turns in one process of their own; a "
            "ratio is the median over the rounds of their CPU seconds, or of seconds on the clock where it says so. "
            "Peak memory is that of further processes, which did one side alone; vectors, texts and libraries count.",
            "",
            *(line for name, bench in found.items() for line in _machine_part(name, bench)),
        ]
    )


def _machine_part(name: str, bench: Bench) -> list[str]:
    lines = [f"## {name}", "", _described(bench.machine), ""]
    beside = [one for one in bench.measured if one.peer is not None]
    alone = [one for one in bench.measured if one.peer is None]
    if beside:
        lines += [markdown(_beside(beside)), *_notes(beside)]
    if alone:
        lines += [markdown(_alone(alone)), *_notes(alone), *_growth(alone)]
    if bench.curves:
        figure = cost_figure(bench.curves)
        lines += [f"![{figure.title}]({name}/cost.svg)", "", figure.caption, "", markdown(_curves(bench.curves))]
    return lines


def _described(machine: Machine) -> str:
    units = ", ".join(machine.matrix_units) or "none"
    rates = ", ".join(f"{rate:,.0f} in {precision}" for precision, rate in machine.gemm.items())
    versions = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"{machine.processor}, {machine.device}; units for matrices: {units}; {machine.threads} thread(s) of "
        f"{machine.cores} cores. A square product made {rates} (1e9 operations a second). Load when it began: "
        f"{machine.load:g}. {versions}."
    )


def _beside(rows: Sequence[Measured]) -> Table:
    header = ("stage", "work", "against", "ours", "peer", "times as fast", "target", "MiB, ours", "MiB, peer")
    return Table(
        header,
        tuple(
            (
                one.stage,
                one.case,
                one.against or DASH,
                _seconds(one, ours=True),
                _seconds(one, ours=False),
                f"{one.times:.2f}{_clock(one)}",
                _target(one),
                _memory(one.ours_mb),
                _memory(one.peer_mb),
            )
            for one in rows
        ),
        left=3,
    )


def _alone(rows: Sequence[Measured]) -> Table:
    header = ("command", "CPU s", "s on the clock", "target, CPU s unless said", "MiB")
    return Table(
        header,
        tuple(
            (one.case, f"{one.ours.cpu:.2f}", f"{one.ours.wall:.2f}", _target(one), _memory(one.ours_mb))
            for one in rows
        ),
    )


def _seconds(one: Measured, *, ours: bool) -> str:
    spent = one.ours if ours or one.peer is None else one.peer
    return f"{spent.seconds(one.clock):.2f} s"


def _target(one: Measured) -> str:
    if one.target is None:
        return DASH
    sign = "≤" if one.times is None else "≥"
    clock = _clock(one) if one.times is None else ""
    return f"{sign} {one.target:g}{clock}: {'met' if one.met else 'not met'}"


def _clock(one: Measured) -> str:
    return " (clock)" if one.clock == "wall" else ""


def _memory(peak: float | None) -> str:
    return DASH if peak is None else f"{peak:,.0f}"


def _notes(rows: Sequence[Measured]) -> list[str]:
    """What both results have in common and what bounds a case, one line each."""
    notes = [(one, "; ".join(text for text in (one.agreement, one.limit) if text)) for one in rows]
    lines = [f"- {one.stage}, {_named(one)}: {text}." for one, text in notes if text]
    return [*lines, ""] if lines else []


def _growth(rows: Sequence[Measured]) -> list[str]:
    """What memory grows by from one number of documents to another, and what many would take."""
    sizes = sorted((one.documents, one.ours_mb) for one in rows if one.documents and one.ours_mb is not None)
    if len(sizes) < 2:
        return []
    (few, low), (more, high) = sizes[0], sizes[-1]
    each = (high - low) / (more - few)
    return [
        f"The first run's memory grows by {each * 2**20:,.0f} bytes a document between {few:,} and {more:,}; at that "
        f"rate {MANY:,} take {(high + each * (MANY - more)) / 2**10:.1f} GiB.",
        "",
    ]


def _named(one: Measured) -> str:
    return one.case if one.against is None else f"{one.case}, against {one.against}"


def _curves(curves: Sequence[Curve]) -> Table:
    header = ("work", "grows by", "size: CPU seconds", "slope")
    return Table(
        header,
        tuple(
            (one.what, one.axis, "; ".join(f"{size:,}: {s:.2f}" for size, s in one.points), f"{one.slope:.2f}")
            for one in curves
        ),
        left=3,
    )
