#!/bin/sh
# Install what the tests on clusters need: SLURM and munge (Debian's packages; nothing is started), submitit and Ray.
#
#   VENV=.venv sh tests/cluster/setup.sh
set -eu

VENV=${VENV:-.venv}
cd "$(dirname "$0")/../.."

missing() { # whether one of SLURM's programs is not there
    for name in slurmctld slurmd munged squeue srun; do
        PATH="$PATH:/usr/sbin" command -v "$name" >/dev/null 2>&1 || return 0
    done
    return 1
}

if missing; then
    [ "$(id -u)" = 0 ] && sudo='' || sudo=sudo
    # Some installations start daemons of their own; the tests start theirs, in a scratch folder.
    $sudo apt-get update -q
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends slurm-wlm munge
fi
"$VENV/bin/python" -c 'import submitit, ray, psutil' 2>/dev/null ||
    "$VENV/bin/python" -m pip install --constraint constraints.txt --editable '.[slurm,ray]'
