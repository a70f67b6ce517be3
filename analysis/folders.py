"""A study's files beside what lies in its folder: written, or compared byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

OWNED = ("tables", "figures")
"""Folders whose files are ours alone: one that is not rendered any more is stale."""
PIXELS = ".png"
"""Ending of what is made on request and never compared: rasterised text differs between versions of matplotlib."""


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write them and remove what a former version left in the folders that are ours."""
    for name in stale_files(folder, files):
        (folder / name).unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def differing_files(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Names of files that are missing, differ in a byte, or should not be there."""
    changed = [name for name, content in files.items() if not holds(folder / name, content)]
    stale = [name for name in stale_files(folder, files) if not name.endswith(PIXELS)]
    return sorted([*changed, *stale])


def stale_files(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Files in our folders that are not rendered any more."""
    present = [path for owned in OWNED for path in (folder / owned).glob("*") if path.is_file()]
    return sorted(name for path in present if (name := path.relative_to(folder).as_posix()) not in files)


def holds(path: Path, content: bytes) -> bool:
    """Whether a file is there and has this content."""
    return path.is_file() and path.read_bytes() == content
