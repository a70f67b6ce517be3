"""Where a record comes from: commit, command line, times."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path, PurePath

from experiments.records.facts import Provenance
from experiments.redaction import redacted

SOURCE = Path(__file__).resolve().parents[2]
GIT_SECONDS = 10.0
"""How long git may take; a run must not wait for a slow file system."""


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def provenance(*, started: str) -> Provenance:
    """Of a run that ends now. The commit is that of the source tree, as it was when this process first asked."""
    commit, dirty = source_state()
    return Provenance(commit=commit, dirty=dirty, argv=public(sys.argv), started=started, finished=now())


@functools.cache
def source_state() -> tuple[str, bool]:
    """(commit, whether tracked files differ from it) of the source tree; ("", False) where it is no git checkout."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return "", False
    return commit, bool(_git("status", "--porcelain", "--untracked-files=no"))


def public(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line without the folders of this machine (an absolute path keeps its last part) and without keys."""
    return tuple(redacted(_public(text)) for text in argv)


def _public(text: str) -> str:
    key, equals, value = text.partition("=")
    if one := ONE_CHOICE.fullmatch(value):  # how `-m` hands a plain value on
        value, text = one[1], f"{key}={one[1]}"
    if equals and _is_absolute(value):
        return f"{key}={PurePath(value.strip(QUOTES)).name}"
    return PurePath(text).name if _is_absolute(text) else text


QUOTES = "\"'"
ONE_CHOICE = re.compile(r"choice\(([^,()\[\]{}]*)\)")


def _is_absolute(value: str) -> bool:
    return value.strip(QUOTES).startswith(("/", "~"))


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(SOURCE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
