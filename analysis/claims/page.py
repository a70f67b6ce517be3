"""results/claims/README.md: each claim of the paper, its effect there, and what runs here say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from analysis.claims.here import LEAST_SEEDS, Line, lines
from analysis.claims.schema import Claim, read_claims
from analysis.claims.there import effects, places
from analysis.formats import Table, markdown
from analysis.load import Study
from analysis.report.paper import inconsistency_table
from analysis.sources import Source

HEAD = """# The paper's claims, and what holds here

What NV-Retriever (arXiv 2407.15831) claims, the effect in [its tables](../paper/README.md), and what the runs of this
repository say. Ours is the difference in nDCG@10 with its 95% interval, over the tasks that the study's differences are
about ([how it is computed](../../analysis/README.md#statistics)); it is not adjusted for the number of claims. Models
and collections are not the paper's: what holds here holds for these, and what does not may still hold there.
"""
MEANINGS = (
    ("holds", "the interval lies clear of 0 in the direction claimed"),
    ("reversed", "it lies clear of 0 in the other direction"),
    ("not separable", "neither: these runs can show no difference of this size"),
    ("not tested here", f"not run, no such arm, or fewer than {LEAST_SEEDS} seeds"),
)
OTHERS = """
Of "at least as good" and "does not help": holds where a difference beyond the study's margin in the other direction is
excluded, even where the interval lies clear of 0 there; else reversed where it does, by however little. Of "as good
as": equivalent within the margin; reversed where the whole interval lies outside it. Of false negatives: Wilson's
intervals of the two rates lie apart. Of overlaps: holds where every two teachers lie below the bound on every
collection, else reversed; training queries and their shown positives are drawn once there, and there is no interval.
"""
THEN = (
    "`BEIR_HOME` names the folder of the collections. Then `python -m experiments.publish NAME` and\n"
    "`python -m analysis build`."
)


def claims_pages(source: Source, load: Callable[[str], Study]) -> dict[Path, bytes]:
    """The page, where the results folder holds claims. load: a study by its name."""
    folder = source.root / "paper"
    if source.is_store or not (folder / "claims.yaml").is_file():
        return {}
    published = {name: partial(load, name) for name in source.studies()}
    found = [(claim, lines(claim, published, folder)) for claim in read_claims(folder)]
    return {source.root / "claims" / "README.md": _page(found, folder).encode()}


def _page(found: Sequence[tuple[Claim, list[Line]]], folder: Path) -> str:
    sections = [
        HEAD,
        f"{markdown(Table(('verdict', 'what it means'), MEANINGS, left=2))}{OTHERS}",
        f"## Claims\n\n{markdown(_overview(found, folder))}",
        f"## What was run\n\n{_runs(found)}",
        f"## What would test more\n\n{_commands(found)}",
        f"## What the paper's figures contradict\n\n{inconsistency_table(folder)}",
    ]
    return "\n".join(sections)


def _overview(found: Sequence[tuple[Claim, list[Line]]], folder: Path) -> Table:
    rows = tuple(
        (str(number), claim.claim, places(claim, folder), effects(claim, folder), _summary(tests))
        for number, (claim, tests) in enumerate(found, start=1)
    )
    return Table(("", "claim", "in the paper", "effect there", "here"), rows, left=5)


def _summary(tests: Sequence[Line]) -> str:
    """Verdicts of the studies that were made for a claim, then those of others."""
    own, further = ([line for line in tests if line.further == other] for other in (False, True))
    beside = _verdicts(further)
    return "; ".join([_verdicts(own) or "not tested here", *([f"another study: {beside}"] if beside else [])])


def _verdicts(tests: Sequence[Line]) -> str:
    """Each verdict with its number of lines and whether outdated runs are among them; "" where none was given."""
    given = [line for line in tests if line.verdict != "not tested here"]
    outdated = {line.verdict for line in given if line.outdated}
    counted = Counter(line.verdict for line in given)
    return ", ".join(f"{name} ({n}{', outdated runs' * (name in outdated)})" for name, n in counted.items())


def _runs(found: Sequence[tuple[Claim, list[Line]]]) -> str:
    """A line per study, block and pair of which anything has run; the claims are numbered as above."""
    rows = tuple(
        (str(number), *_cells(line))
        for number, (_, tests) in enumerate(found, start=1)
        for line in tests
        if line.has_figures or not line.command
    )
    header = ("claim", "study", "block", "contrast", "ours [95%]", "seeds", "verdict", "marks")
    further = "*: a study that was not made for this claim.\n"
    return f"{markdown(Table(header, rows, left=len(header)))}\n{further}" if rows else "Nothing yet.\n"


def _cells(line: Line) -> tuple[str, ...]:
    study = f"[{line.study}](../{line.study}/README.md){'*' if line.further else ''}"
    verdict = f"{line.verdict}: {line.why}" if line.why else line.verdict
    return study, line.block, line.contrast, line.ours, line.seeds, verdict, line.marks


def _commands(found: Sequence[tuple[Claim, list[Line]]]) -> str:
    """Each command once, with the claims that it tests."""
    tests: dict[str, list[str]] = {}
    for number, (_, of_claim) in enumerate(found, start=1):
        for command in dict.fromkeys(line.command for line in of_claim if line.command):
            tests.setdefault(command, []).append(str(number))
    rows = "".join(f"- `{command}`: claims {', '.join(numbers)}\n" for command, numbers in tests.items())
    return f"{rows}\n{THEN}\n" if rows else "Nothing.\n"
