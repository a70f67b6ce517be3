"""Which way of mining to begin with, from what was mined alone, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.formats import percent
from analysis.layouts import Layout
from analysis.stats import wilson

KEPT = 0.9
"""Share of the rows that a recommended method keeps at least."""
PART = 1 / 3
"""Share of naive mining's known false negatives that it mines at most."""
TOGETHER = 0.02
"""Share of naive mining's negatives from their positive's whole from which on that is said."""
WEAK = 0.7
"""Share of naive mining's negatives above their row's positive from which on shown positives are called weak."""
FALLBACK = "topk_percpos at 0.95"

Interval = tuple[float, float]


def recommendation(found: Sequence[Layout], *, train: str) -> str:
    """One paragraph for the layouts of one setting. train: the command that trains with each method."""
    naive = next((one for one in found if one.kind == "naive_topk"), None)
    said = _said(found, naive)
    return "\n".join([" ".join([said, *_chunks(naive), *_weak(naive)]), f"What trains the better student: {train}"])


def _chunks(naive: Layout | None) -> list[str]:
    if naive is None or not naive.together or naive.together < TOGETHER * naive.mined:
        return []
    return [
        f"{percent(naive.together / naive.mined)} of naive mining's negatives were cut from the same whole as their "
        "positive, and may answer as well: mining.same_group=exclude leaves such ones out."
    ]


def _weak(naive: Layout | None) -> list[str]:
    if naive is None or (naive.hardness.above or 0.0) < WEAK or "positive_within" in naive.setting:
        return []
    return [
        f"The teacher scores {percent(naive.hardness.above)} of naive mining's negatives above the positive that their "
        "row shows, so many shown positives are weak and what is said above is about them: "
        "mining.positive_within=100 shows such as it ranks within 100."
    ]


def _said(found: Sequence[Layout], naive: Layout | None) -> str:
    if naive is None or not naive.known:
        return (
            "No hidden relevant document was mined, so nothing says how many negatives are false: there are no queries "
            "with several judged documents, or none is ranked high. Without that the best guess is the paper's "
            f"{FALLBACK}."
        )
    best = recommended(found, naive)
    if best is None:
        return (
            f"No method keeps {KEPT:.0%} of the rows and mines at most a third of naive mining's known false negatives "
            f"({_rate(naive)}): lower mining.num_negatives or raise mining.depth, or take mining.shortfall=fewer."
        )
    return " ".join([_chosen(best, naive), _sure(best, naive), _alike(best, found), LIMITS])


LIMITS = "The rate is a lower bound, for unjudged documents may be relevant too."


def recommended(found: Sequence[Layout], naive: Layout) -> Layout | None:
    """The hardest (smallest mean gap) that keeps enough rows and mines few enough known false negatives.

    The first one listed where several are equally hard; None where no method does.
    """
    limit = PART * (naive.rate or 0.0)
    fit = [one for one in found if _keeps(one) and one.rate is not None and one.rate <= limit]
    return min(fit, key=lambda one: one.hardness.gap or 0.0, default=None)


def _keeps(one: Layout) -> bool:
    return one.hardness.gap is not None and one.rows > 0 and one.kept >= KEPT * one.rows


def _chosen(best: Layout, naive: Layout) -> str:
    return (
        f"Begin with {name(best)}: of the methods that keep {KEPT:.0%} of the rows and mine at most a third of naive "
        f"mining's known false negatives it has the hardest negatives (mean gap {best.hardness.gap:.4f}, naive "
        f"{naive.hardness.gap:.4f}; yield {percent(best.kept / best.rows)})."
    )


def _sure(best: Layout, naive: Layout) -> str:
    apart = interval(best)[1] < interval(naive)[0]
    verdict = "the intervals do not overlap" if apart else "the intervals overlap, so even that is uncertain"
    return f"Known false negatives: {_rate(best)} against {_rate(naive)} for naive mining; {verdict}."


def _alike(best: Layout, found: Sequence[Layout]) -> str:
    """The other methods that keep enough rows and whose rate cannot be told from the chosen one's."""
    low, high = interval(best)
    others = [one for one in found if one is not best and _keeps(one) and one.mined and one.kind != "random"]
    alike = [name(one) for one in others if interval(one)[0] <= high and interval(one)[1] >= low]
    if not alike:
        return "No other method has a rate that could be the same."
    return f"Their rates cannot be told from its own: {', '.join(alike)}."


def interval(one: Layout) -> Interval:
    """Wilson's, of known false negatives among the mined."""
    return wilson(one.known, one.mined)


def name(one: Layout) -> str:
    """`topk_percpos at 0.95`."""
    return one.kind if one.value is None else f"{one.kind} at {one.value:g}"


def _rate(one: Layout) -> str:
    low, high = interval(one)
    return f"{percent(one.rate)} [{100 * low:.1f}, {100 * high:.1f}] ({one.known} of {one.mined})"
