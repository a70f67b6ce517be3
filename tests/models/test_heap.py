"""Freed memory that is kept: counted by the page faults of allocations that repeat, in a process of their own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

ROUNDS, PAGES = 10, 4096
REPEATED = f"""
import re, resource
from pathlib import Path
from experiments.models.heap import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({ROUNDS}):
        held = [bytearray({PAGES} * 4096 // 3) for _ in range(3)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

kept = keep_freed_memory()
faults()
# Not ru_maxrss, which holds the memory of the process that this one was forked from.
print(kept, faults(), re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is the GNU C library's")


def _measured(**environment: str) -> tuple[str, int, int]:
    plain = {name: value for name, value in os.environ.items() if "MALLOC" not in name and name != "GLIBC_TUNABLES"}
    command = [sys.executable, "-c", REPEATED]
    told = subprocess.run(command, env=plain | environment, capture_output=True, text=True, check=True).stdout
    kept, faults, peak = told.split()
    return kept, int(faults), int(peak)


def test_memory_of_one_round_is_there_for_the_next() -> None:
    kept, faults, peak = _measured()
    assert kept == "True"
    assert faults < PAGES  # of ten rounds that each take as many pages
    assert peak < 1 << 20  # KB: what is reserved takes no memory


def test_a_user_s_own_settings_of_the_allocator_stay() -> None:
    kept, faults, _ = _measured(GLIBC_TUNABLES="glibc.malloc.mmap_threshold=131072")
    assert kept == "False"
    assert faults >= ROUNDS * PAGES
    assert _measured(MALLOC_TOP_PAD_="65536")[0] == "False"
