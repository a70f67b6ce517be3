"""What SLURM's queue says of jobs: squeue is on every cluster, sacct (which submitit asks) is not.

Without sacct, submitit waits for ever for a job that was killed.
"""

from __future__ import annotations

import getpass
import logging
import subprocess
import time
from collections.abc import Callable, Collection, Mapping

log = logging.getLogger("experiments")
ENDED = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
}
"""States that no job comes back from: one that is requeued is PENDING, REQUEUED or REQUEUE_HOLD."""


def job_states() -> Mapping[str, str] | None:
    """State by job id (`12` or `12_3`) of this user's jobs; None where the controller does not answer."""
    asked = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", f"--user={getpass.getuser()}"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "stderr", None) or str(error)
        log.warning("SLURM's controller does not answer, asking again: %s", " ".join(str(why).split()))
        return None
    return dict(line.split(maxsplit=1) for line in answer.splitlines() if line.strip())


def alive(ids: Collection[str], states: Mapping[str, str]) -> set[str]:
    """Those jobs that wait or run. One that the controller has forgotten has ended."""
    return {one for one in ids if one in states and states[one] not in ENDED}


def wait_for(ids: Collection[str], *, every: float, on_end: Callable[[str, str], None]) -> None:
    """Return when all jobs have ended, requeued ones for good; `on_end(id, state)` is told each, "" = forgotten.

    every: seconds between two questions to the controller.
    """
    left = set(ids)
    while left:
        states = job_states()
        if states is not None:
            still = alive(left, states)
            for one in sorted(left - still):
                on_end(one, states.get(one, ""))
            left = still
        if left:
            time.sleep(every)
