"""A sweep on a real Ray cluster: a worker killed, the driver killed; every record once."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cluster.conftest import ENVIRONMENT
from tests.cluster.daemons import ray_head
from tests.cluster.driving import Sweep, wait_until
from tests.helpers.launching import records

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]


def worker_of(run_id: str) -> psutil.Process | None:
    """Ray names a worker after the task that it is at."""
    for process in psutil.process_iter(["cmdline"]):
        if any(text.startswith("ray::") and run_id in text for text in process.info["cmdline"] or ()):
            return process
    return None


def test_every_record_once(
    scratch: Path, data: Path, undisturbed: dict[str, dict[str, Any]], diary: Callable[[str], None]
) -> None:
    # Ray asks for a token where the user's home folder holds one, so the test brings its own.
    environment = {**ENVIRONMENT, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with ray_head(scratch / "ray", environment) as address:
        more = ("hydra/launcher=ray", f"hydra.launcher.init.address='{address}'")
        sweep = Sweep(data, scratch / "on-ray", environment, more)

        driver = sweep.start()
        killed = driver.begun()
        wait_until(lambda: worker_of(killed)).send_signal(signal.SIGKILL)
        diary(f"Ray: SIGKILL to the worker of run {killed[:4]}")
        assert driver.end() == 1, driver.said()
        assert f"the process of {killed} was lost" in driver.said()
        assert records(sweep.store).keys() == undisturbed.keys() - {killed}
        diary("Ray: the sweep ended with three records, the run that is missing and the command for it")

        driver = sweep.start()
        assert driver.begun() == killed
        wait_until(lambda: worker_of(killed))
        driver.kill()
        diary(f"Ray: SIGKILL to the next driver, while run {killed[:4]} was at work")

        driver = sweep.start()
        assert driver.end() == 0, driver.said()
        assert records(sweep.store) == undisturbed
        assert not list(sweep.store.glob("failures/*"))
        diary("Ray: the same command again made the fourth; all four equal those of the undisturbed sweep")


def test_a_cluster_that_does_not_answer_is_one_line(scratch: Path, data: Path) -> None:
    more = ("hydra/launcher=ray", "hydra.launcher.init.address='127.0.0.1:1'")
    driver = Sweep(data, scratch / "no-ray", ENVIRONMENT, more).start()
    assert driver.end() == 2
    (line,) = [line for line in driver.said().splitlines() if line.startswith("error: ")]
    assert "no Ray cluster answers" in line
