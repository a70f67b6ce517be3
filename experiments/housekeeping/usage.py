"""`du`: bytes by stage and by study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.housekeeping.contents import Contents, Held
from experiments.housekeeping.needs import Needs
from experiments.versions import STAGES


def usage_lines(held: Contents, needs: Needs) -> Iterator[str]:
    """Two tables; what several studies share is counted in each, and once in what a study needs alone."""
    yield f"{'stage':<24} {'artifacts':>9} {'size':>10} {'not needed':>11}"
    for stage in STAGES:
        of_stage = [one for one in held.artifacts if one.stage == stage.name]
        free = _size([one for one in of_stage if one.key not in needs.keys])
        yield f"{stage.name:<24} {len(of_stage):>9} {size_text(_size(of_stage)):>10} {size_text(free):>11}"
    if held.corpora:
        size, free = _size(held.corpora), _size(held.outdated)
        yield f"{'large corpora':<24} {len(held.corpora):>9} {size_text(size):>10} {size_text(free):>11}"
    for title, rest in (("to go on from", held.partial), ("left by killed", held.left)):
        if rest:
            yield f"{title:<24} {len(rest):>9} {size_text(_size(rest)):>10}"
    yield ""
    yield f"{'needed by':<24} {'artifacts':>9} {'size':>10} {'it alone':>11}"
    for name, keys in sorted(needs.by.items()):
        used = [one for one in held.artifacts if one.key in keys]
        others = frozenset().union(*(more for other, more in needs.by.items() if other != name))
        own = _size([one for one in used if one.key not in others])
        yield f"{name:<24} {len(used):>9} {size_text(_size(used)):>10} {size_text(own):>11}"
    yield from unknown_lines(needs)


def unknown_lines(needs: Needs) -> Iterator[str]:
    """Why it is not known what a study needs."""
    for name, why in needs.unknown.items():
        yield f"not known what the unfinished runs of {name} need: {why}"


def _size(held: Sequence[Held]) -> int:
    return sum(one.size for one in held)


def size_text(size: int) -> str:
    """`12.3 MB`, in powers of 1000."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
