"""What the paper shows for a claim: effects computed from its tables."""

from __future__ import annotations

from pathlib import Path

from analysis.claims.schema import Claim
from analysis.formats import percent, signed
from analysis.paper.derived import average_fits, column_mean
from analysis.paper.read import paper_files
from analysis.paper.schema import FalseNegatives, Optima, Overlaps, PaperFile, Readings, Scores
from experiments.errors import UserError


def places(claim: Claim, folder: Path) -> str:
    """The tables and figures that a claim rests on."""
    return "; ".join(_file(name, claim, folder).source.place for name in claim.there)


def effects(claim: Claim, folder: Path) -> str:
    """One figure per table and pair."""
    return "; ".join(_effect(name, claim, folder) for name in claim.there)


def bound(claim: Claim, folder: Path) -> float:
    """Below which the overlaps of two teachers' negatives lie. Raises UserError where no such table is named."""
    for name in claim.there:
        if isinstance(item := _file(name, claim, folder), Overlaps):
            return item.below
    raise UserError(f"claims.yaml: {claim.claim!r}: there: {', '.join(claim.there)} should name a table of overlaps")


def _file(name: str, claim: Claim, folder: Path) -> PaperFile:
    found = paper_files(folder).get(name)
    if found is None:
        raise UserError(
            f"claims.yaml: {claim.claim!r}: the paper has no {name!r} here: {', '.join(paper_files(folder))}"
        )
    return found


def _effect(name: str, claim: Claim, folder: Path) -> str:
    item = _file(name, claim, folder)
    match item:
        case Scores():
            return f"{item.source.place}: {', '.join(_difference(item, *pair, claim=claim) for pair in claim.pairs)}"
        case Optima():
            return ", ".join(f"best at {item.rows[first].best}" for first, _ in claim.pairs)
        case FalseNegatives():
            rates = (f"{place} {percent(r.naive)}, {100 * r.fewer:.0f}% fewer" for place, r in item.rows.items())
            return "; ".join(rates)
        case Overlaps():
            values = [value for pair in item.pairs for value in pair.values]
            return f"{min(values):.2f} to {max(values):.2f} in {len(values)} cells"
        case Readings():
            raise UserError(f"claims.yaml: {claim.claim!r}: {name} was read off an image and shows no effect")


def _difference(item: Scores, first: str, second: str, *, claim: Claim) -> str:
    """Of printed averages; that of the columns beside it where an average does not follow from them."""
    there = item.difference(first, second)
    if there is None:
        raise UserError(f"claims.yaml: {claim.claim!r}: {item.source.place} lacks {first!r} or {second!r}")
    named = f" ({first} − {second})" if len(claim.pairs) > 1 else ""
    if average_fits(item, first) and average_fits(item, second):
        return f"{signed(there)}{named}"
    columns = (column_mean(item, first) - column_mean(item, second)) * item.unit
    return f"{signed(there)}, by its columns {signed(columns)}{named}"
