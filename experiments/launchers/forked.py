"""Runs at once on this machine: each in a process of its own, forked from one that has imported everything once.

A process ends with its run, so memory and CUDA's state do too, and a killed one costs its run only.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from experiments.environ import environment
from experiments.launchers.ending import lost
from experiments.launchers.job import THREADS, LaunchedJob
from experiments.launchers.turns import run_in_turn

PRELOAD = ["experiments.launchers.preload"]


def run_forked(jobs: Sequence[LaunchedJob], *, workers: int) -> None:
    """Run all jobs, `workers` at a time, in order but for those that wait for others."""
    context = _server(threads=jobs[0].threads or 1)
    started: list[ForkServerProcess] = []

    def start(job: LaunchedJob) -> ForkServerProcess:
        started.append(_start(context, job))
        return started[-1]

    try:
        run_in_turn(jobs, at_once=workers, start=start, over=_over, on_end=_tell)
    finally:
        _stop(started)


def _server(*, threads: int) -> ForkServerContext:
    """Start the server that is forked from, with its share of the cores unless the user has set one."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    with environment({THREADS: os.environ.get(THREADS, str(threads))}):
        forkserver.ensure_running()
    return context


def _start(context: ForkServerContext, job: LaunchedJob) -> ForkServerProcess:
    process = context.Process(target=_work, args=(job, dict(os.environ)), name=job.name)
    process.start()
    return process


def _work(job: LaunchedJob, environment: Mapping[str, str]) -> None:
    """What a worker does: one job under the driver's environment, ending early only if the driver ends."""
    threads = os.environ[THREADS]  # what the server was started with
    os.environ.clear()
    os.environ.update({THREADS: threads, **environment})
    threading.Thread(target=_end_with_driver, daemon=True).start()
    try:
        job()
    except KeyboardInterrupt:  # of the whole process group: the driver says so
        sys.exit(130)


def _over(running: Sequence[ForkServerProcess]) -> list[ForkServerProcess]:
    """Wait until one or more processes have ended."""
    ended = wait([process.sentinel for process in running])
    return [process for process in running if process.sentinel in ended]


def _tell(job: LaunchedJob, process: ForkServerProcess) -> None:
    process.join()
    if process.exitcode:
        lost(job.name, _how(process.exitcode))


def _end_with_driver() -> None:
    driver = mp.parent_process()
    assert driver is not None
    driver.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(processes: Sequence[ForkServerProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _how(exitcode: int) -> str:
    return f"killed by {signal.Signals(-exitcode).name}" if exitcode < 0 else f"ended with code {exitcode}"
