"""A sweep on a real SLURM: a job requeued by a signal, one killed twice, the driver killed; every record once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.launchers.slurm_queue import ENDED
from tests.cluster.conftest import ENVIRONMENT
from tests.cluster.daemons import slurm
from tests.cluster.driving import Sweep, wait_until
from tests.helpers.launching import records

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]
LAUNCHER = (
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.partition=main",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.timeout_min=30",
    "hydra.launcher.poll_s=1",
)


@pytest.fixture(scope="module")
def cluster(scratch: Path) -> Iterator[dict[str, str]]:
    with slurm(scratch / "slurm") as environment:
        yield {**ENVIRONMENT, **environment}


def job_of(sweep: Sweep, run_id: str) -> str:
    return (sweep.outputs / "runs/.submitit/jobs" / run_id).read_text(encoding="utf-8")


def send(signal: str, job: str, cluster: dict[str, str]) -> None:
    """What comes of it is looked at: scancel itself fails where the job is requeued before it has asked again."""
    subprocess.run(["scancel", f"--signal={signal}", job], env={**os.environ, **cluster}, check=False)


def test_every_record_once(
    scratch: Path,
    data: Path,
    cluster: dict[str, str],
    undisturbed: dict[str, dict[str, Any]],
    diary: Callable[[str], None],
) -> None:
    sweep = Sweep(data, scratch / "on-slurm", cluster, LAUNCHER)

    driver = sweep.start()
    requeued = driver.begun()
    send("USR2", job_of(sweep, requeued), cluster)
    wait_until(lambda: requeued if "PENDING" in state_of(job_of(sweep, requeued), cluster) else None)
    diary(f"SLURM: USR2 to the job of run {requeued[:4]}: it put itself back into the queue")
    killed = driver.begun(besides=[requeued])
    send("KILL", job_of(sweep, killed), cluster)
    driver.kill()
    wait_until(lambda: killed if state_of(job_of(sweep, killed), cluster) in ENDED else None)
    diary(f"SLURM: SIGKILL to the job of run {killed[:4]}, then to the driver")

    first = job_of(sweep, killed)  # before the next driver, which submits the run anew as soon as it has looked
    driver = sweep.start()
    lines = wait_until(lambda: driver.said().splitlines() if "in the queue already" in driver.said() else None)
    (waited,) = [line for line in lines if "in the queue already" in line]
    again = wait_until(lambda: job_of(sweep, killed) if job_of(sweep, killed) != first else None)
    wait_until(lambda: killed if (sweep.store / f"failures/{killed}.json").exists() else None)
    send("KILL", again, cluster)
    diary(f"SLURM: the same command again ({waited.strip()}); the new job of run {killed[:4]} was killed, too")
    assert driver.end() == 1, driver.said()
    assert "1 of the runs failed" in driver.said()
    assert f"the process of {killed} was lost (SLURM job {again}" in driver.said()
    assert driver.said().rstrip().splitlines()[-1].strip().startswith("python -m experiments.run -m ")
    assert records(sweep.store).keys() == undisturbed.keys() - {killed}
    diary("SLURM: the sweep ended with three records, the run that is missing and the command for it")

    driver = sweep.start()
    assert driver.end() == 0, driver.said()
    assert records(sweep.store) == undisturbed
    assert not list(sweep.store.glob("failures/*"))
    diary("SLURM: the same command again made the fourth; all four equal those of the undisturbed sweep")


def state_of(job: str, cluster: dict[str, str]) -> str:
    asked = ["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}"]
    return subprocess.run(
        asked, env={**os.environ, **cluster}, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_what_slurm_refuses_is_one_line(scratch: Path, data: Path, cluster: dict[str, str]) -> None:
    elsewhere = (*LAUNCHER, "hydra.launcher.partition=elsewhere")
    driver = Sweep(data, scratch / "refused", cluster, elsewhere).start()
    assert driver.end() == 2
    (line,) = [line for line in driver.said().splitlines() if line.startswith("error: ")]
    assert "SLURM refused the jobs" in line
