"""A sweep through submitit's local jobs and through forked workers: a job and the driver killed; every record once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cluster.conftest import ENVIRONMENT
from tests.cluster.driving import Driver, Sweep, wait_until
from tests.helpers.launching import records

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]


def newest_worker(driver: Driver, words: str) -> psutil.Process:
    below = psutil.Process(driver.process.pid).children(recursive=True)
    return max((one for one in below if words in " ".join(one.cmdline())), key=lambda one: one.create_time())


def at_work(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("launcher", "words"), [("submitit_local", "submitit.core._submit"), ("parallel", "multiprocessing.forkserver")]
)
def test_every_record_once(
    launcher: str,
    words: str,
    scratch: Path,
    data: Path,
    undisturbed: dict[str, dict[str, Any]],
    diary: Callable[[str], None],
) -> None:
    sweep = Sweep(data, scratch / f"by-{launcher}", ENVIRONMENT, (f"hydra/launcher={launcher}",))

    driver = sweep.start()
    driver.begun()
    newest_worker(driver, words).send_signal(signal.SIGKILL)
    diary(f"{launcher}: SIGKILL to a worker")
    assert driver.end() == 1, driver.said()
    assert "1 of the runs failed" in driver.said()
    assert len(records(sweep.store)) == 3

    driver = sweep.start()
    driver.begun()
    below = psutil.Process(driver.process.pid).children(recursive=True)
    driver.kill()
    diary(f"{launcher}: SIGKILL to the next driver, while the last run was at work")
    wait_until(lambda: None if any(at_work(one) for one in below) else True)

    driver = sweep.start()
    assert driver.end() == 0, driver.said()
    assert records(sweep.store) == undisturbed
    diary(f"{launcher}: the same command again ended it; all four records equal those of the undisturbed sweep")
