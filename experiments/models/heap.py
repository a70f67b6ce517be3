"""Memory that a training step frees is kept for the next one: Linux with the GNU C library alone.

By default a large tensor's memory is mapped when it is made and given back when it goes, and the kernel clears every
page of it again at the next step. Kept on the heap, in pages of 2 MB, it is cleared once. Measured on one core, MiniLM
of 3 layers in bf16, 20 steps: 350,000 to 470,000 page faults without, 17,000 with it, 20.2 CPU s against 17.7, the
peak of memory and every weight the same.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4
"""Settings of mallopt(3)."""
MADV_HUGEPAGE = 14
HUGE_PAGE = 2 << 20
MAPPED_FROM = 1 << 30
"""Bytes from which an allocation is mapped, and given back, as ever: a matrix of that size is no training step's."""
STEP = 256 << 20
"""Bytes by which the heap grows."""
RESERVED = 8 << 30
"""Bytes of address space that are asked for in huge pages; only those that are touched take memory."""
DEFAULT_MAPS = 65_536
"""M_MMAP_MAX unless something sets it."""
OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
NEVER_OVERCOMMIT = "2"


@functools.cache
def keep_freed_memory() -> bool:
    """Keep it in this process and those it forks, from now on; whether that could be done.

    It is not where the environment sets the allocator itself (GLIBC_TUNABLES, MALLOC_..., LD_PRELOAD).
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc" or _set_by_user():
        return False
    libc = ctypes.CDLL(None)
    # -1 is mallopt's word for never.
    settings = ((M_MMAP_THRESHOLD, MAPPED_FROM), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, STEP))
    if not all(libc.mallopt(name, value) for name, value in settings):
        return False
    _reserve(libc)
    return True


def _set_by_user() -> bool:
    return (
        "malloc" in os.environ.get("GLIBC_TUNABLES", "")
        or "LD_PRELOAD" in os.environ
        or any(name.startswith("MALLOC_") for name in os.environ)
    )


def _reserve(libc: ctypes.CDLL) -> None:
    """Let the heap grow once without touching it, and ask for huge pages there. Nothing where there is no room."""
    if not OVERCOMMIT.is_file() or OVERCOMMIT.read_text(encoding="ascii").strip() == NEVER_OVERCOMMIT:
        return
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = min(RESERVED, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    libc.mallopt(M_MMAP_MAX, 0)  # on the heap, however large
    start = libc.malloc(size)
    if start:
        first = -(-start // HUGE_PAGE) * HUGE_PAGE
        # A kernel without huge pages refuses, and small ones are as good.
        libc.madvise(first, (start + size - first) // HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE)
        libc.free(start)
    libc.mallopt(M_MMAP_MAX, DEFAULT_MAPS)
