"""What the tests on real clusters share: data, the records of an undisturbed sweep, and a diary of what was done."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.daemons import sbin
from tests.cluster.driving import Sweep
from tests.helpers.beir import write_beir
from tests.helpers.launching import records

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder with a short name (sockets lie in it) that is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="cluster-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def data(scratch: Path) -> Path:
    return write_beir(scratch / "toy")


@pytest.fixture(scope="session")
def undisturbed(scratch: Path, data: Path) -> dict[str, dict[str, Any]]:
    """The records of the same sweep, one run after the other in one process."""
    driver = Sweep(data, scratch / "undisturbed", ENVIRONMENT).start()
    assert driver.end() == 0, driver.said()
    found = records(scratch / "undisturbed/store")
    assert len(found) == 4
    return found


@pytest.fixture(scope="session")
def diary() -> Iterator[Callable[[str], None]]:
    """Notes what a test does and sees, into the file that CLUSTER_DIARY names."""
    begun, lines = time.monotonic(), [*versions(), ""]

    def note(text: str) -> None:
        lines.append(f"- {time.monotonic() - begun:4.0f} s  {text}")

    yield note
    if path := os.environ.get("CLUSTER_DIARY"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def versions() -> list[str]:
    shown = subprocess.run(
        [sbin("slurmctld") or "slurmctld", "-V"], capture_output=True, text=True, check=False
    ).stdout.strip()
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("hydra-core", "submitit", "ray"))
    return [f"{shown or 'no SLURM'}, {packages}, Python {platform.python_version()}, {os.cpu_count()} cores"]
