"""SLURM and Ray on this machine alone: every file in one folder, every daemon a child of this process."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster.driving import wait_until

SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=1
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def sbin(name: str) -> str | None:
    """A daemon's path; Debian keeps them outside a user's PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """A cluster of one node with two cores and no accounting; yields the environment in which its commands work."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    text = SLURM_CONF.format(host=host, user=getpass.getuser(), folder=folder, ports=free_ports(2))
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    environment = {"SLURM_CONF": str(folder / "slurm.conf")}
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
    with ExitStack() as stack:
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D"]):
            stack.enter_context(_daemon(command, folder, environment))
            if command is munge:
                wait_until(lambda: True if (folder / "munge.socket").exists() else None)
        wait_until(lambda: True if "idle" in _asked(["sinfo", "--noheader", "--format=%T"], environment) else None)
        yield environment
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], env={**os.environ, **environment}, check=False)


@contextmanager
def ray_head(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """A Ray cluster of one node with two cores; yields its address."""
    (port,) = free_ports(1)
    folder.mkdir(parents=True, exist_ok=True)
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
    start += ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats"]
    start += [f"--temp-dir={folder}/t", f"--object-store-memory={100 << 20}"]
    with _daemon(start, folder, environment):
        wait_until(lambda: True if _answers(port) else None)
        yield f"127.0.0.1:{port}"


@contextmanager
def _daemon(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    program = sbin(command[0])
    assert program is not None, f"{command[0]} is not installed: make test-cluster installs it"
    with (folder / f"{Path(command[0]).name}.out").open("wb") as log:
        process = subprocess.Popen(
            [program, *command[1:]], env={**os.environ, **environment}, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _asked(command: Sequence[str], environment: Mapping[str, str]) -> str:
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    ).stdout


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
