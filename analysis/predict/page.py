"""results/predictors/README.md: which quantity known before training predicts what an arm scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from analysis.formats import DASH, Table, fixed, markdown, signed
from analysis.load import Study
from analysis.predict.groups import LEAST_ARMS, Group, groups_of
from analysis.predict.leave_out import LeftOut, Predict, by_all, by_quantity, chance_regret, mean_tau
from analysis.predict.quantities import NAMES, QUANTITIES
from analysis.predict.students import Agreement, agreements
from analysis.sources import Source

COMBINED = tuple(QUANTITIES)
HEAD = f"""# What is known before training, and what an arm then scores

Mining tells the share of known false negatives, how hard the negatives are and how many candidates the bar
rejected, before a student is trained. Does any of it order the arms as their nDCG@10 does? Every block of every
study with {LEAST_ARMS} or more trained arms on rows of their own is a group per test collection; an arm's gain is
its difference to the study's baseline, over the seeds that both have.

*tau*: Kendall's tau-b between quantity and gain, averaged over the groups of a collection and then over
collections; 1 is the same order, −1 the opposite one, 0 none. *left out*: the sign is taken from all other
collections, so that what stands here was not fitted to the collection that it is about. *regret*: nDCG@10 that one
loses by training the arm which the quantity puts first instead of the best one. Gains hold noise (seeds), so that
even the true order would not reach 1. Arms of which a quantity does not exist (random negatives have no gap) are
left out of its row. Collections are few, arms are not independent of one another, and two groups may share runs:
this shows what to look at, and proves nothing.
"""


def predictor_pages(source: Source, load: Callable[[str], Study]) -> dict[Path, bytes]:
    """The page, where results are published and any group is large enough."""
    if source.is_store:
        return {}
    studies = [load(name) for name in source.studies()]
    groups = groups_of(studies)
    if not groups:
        return {}
    return {source.root / "predictors" / "README.md": page(groups, agreements(studies)).encode()}


def page(groups: Sequence[Group], orders: Sequence[Agreement]) -> str:
    """The page as Markdown."""
    left_out = {name: by_quantity(groups, name) for name in NAMES}
    return "\n".join(
        [
            HEAD,
            f"## Quantities\n\n{markdown(_quantities(groups, left_out))}",
            f"## By collection left out\n\n{markdown(_collections(left_out))}",
            f"## Does a small student order the arms as a larger one does?\n\n{_orders(orders)}",
            f"## Groups\n\n{markdown(_groups(groups))}",
        ]
    )


def _quantities(groups: Sequence[Group], left_out: Mapping[str, Sequence[LeftOut]]) -> Table:
    header = ("quantity", "groups", "tau", "tau left out", "lowest", "highest", "regret left out")
    rows = [_row(name, mean_tau(groups, _known(name)), found) for name, found in left_out.items()]
    rows.append(_row("all but the teacher's, least squares", None, by_all(groups, COMBINED)))
    chance = ("an arm drawn at random", str(len(groups)), DASH, DASH, DASH, DASH, fixed(chance_regret(groups), 4))
    return Table(header, (*rows, chance))


def _known(name: str) -> Predict:
    return lambda group: group.known[name]


def _row(label: str, inside: float | None, left_out: Sequence[LeftOut]) -> tuple[str, ...]:
    count = sum(one.groups for one in left_out)
    if not left_out:
        return (label, "0", _signed(inside), DASH, DASH, DASH, DASH)
    taus = [one.tau for one in left_out]
    figures = [signed(value, 2) for value in (fmean(taus), min(taus), max(taus))]
    return (label, str(count), _signed(inside), *figures, fixed(fmean(one.regret for one in left_out), 4))


def _signed(value: float | None) -> str:
    return DASH if value is None else signed(value, 2)


def _collections(left_out: Mapping[str, Sequence[LeftOut]]) -> Table:
    """Tau of each quantity on each collection, left out."""
    found = {name: {one.collection: one for one in several} for name, several in left_out.items()}
    collections = sorted({one.collection for several in left_out.values() for one in several})
    rows = tuple(
        (name, *(_signed(there[one].tau) if one in there else DASH for one in collections))
        for name, there in found.items()
    )
    return Table(("quantity", *collections), rows)


def _orders(orders: Sequence[Agreement]) -> str:
    if not orders:
        return f"No study has yet two blocks that differ in the student and share {LEAST_ARMS} trained arms.\n"
    header = ("study", "blocks", "students", "arms", "Kendall's tau", "p")
    rows = tuple(
        (
            one.study,
            f"{one.first}, {one.second}",
            ", ".join(one.students),
            str(one.arms),
            signed(one.tau, 2),
            fixed(one.p, 3),
        )
        for one in orders
    )
    return markdown(Table(header, rows, left=3))


def _groups(groups: Sequence[Group]) -> Table:
    header = ("study", "block", "task", "arms", "seeds, at least", "best arm")
    rows = tuple(
        (g.study, g.block, g.task, str(len(g.arms)), str(g.seeds), g.arms[int(g.gains.argmax())]) for g in groups
    )
    return Table(header, rows, left=3)
