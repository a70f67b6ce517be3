"""Collections that this process has read, for as long as their files stay: the runs of a sweep share one value."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from experiments.contents import SETTLED_NS
from experiments.ir import Collection

MOST = 1 << 20
"""Documents of the collections that are kept; the last one is, however many it has."""

State = tuple[tuple[str, int, int, int, int], ...]
"""Path, size, mtime, ctime and inode of each file."""

_KEPT: OrderedDict[tuple[str, State], Collection] = OrderedDict()


def kept_collection(settings: str, files: list[Path], make: Callable[[], Collection]) -> Collection:
    """The collection that `make` gave for these settings while the files were what they are now, else what it gives.

    Files that changed less than 2 s ago are read again: file systems' clocks may be too coarse to show a change.
    """
    state = _state(files)
    if state is None:
        return make()
    key = (settings, state)
    if key not in _KEPT:
        _KEPT[key] = make()
    _KEPT.move_to_end(key)
    while len(_KEPT) > 1 and sum(len(one.corpus) for one in _KEPT.values()) > MOST:
        _KEPT.popitem(last=False)
    return _KEPT[key]


def _state(files: list[Path]) -> State | None:
    try:
        found = [(str(path.resolve()), path.stat()) for path in files]
    except OSError:
        return None
    if not found or any(time.time_ns() - status.st_ctime_ns < SETTLED_NS for _, status in found):
        return None
    return tuple((name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for name, s in found)
