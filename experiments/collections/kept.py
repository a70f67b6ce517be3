"""Collections that this process has read, for as long as their files stay: the runs of a sweep share one value."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from experiments.contents import FileState, settled_states
from experiments.ir import Collection

MOST = 1 << 20
"""Documents of the collections that are kept; the last one is, however many it has."""

_KEPT: OrderedDict[tuple[str, tuple[FileState, ...]], Collection] = OrderedDict()


def kept_collection(settings: str, files: list[Path], make: Callable[[], Collection]) -> Collection:
    """The collection that `make` gave for these settings while the files were what they are now, else what it gives.

    Files that changed less than 2 s ago are read again: file systems' clocks may be too coarse to show a change.
    """
    states = settled_states(files)
    if not states:
        return make()
    key = (settings, states)
    if key not in _KEPT:
        _KEPT[key] = make()
    _KEPT.move_to_end(key)
    while len(_KEPT) > 1 and sum(len(one.corpus) for one in _KEPT.values()) > MOST:
        _KEPT.popitem(last=False)
    return _KEPT[key]
