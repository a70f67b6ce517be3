#!/bin/sh
# Make the environment: a virtual environment with the project installed at the pinned versions.
#
#   PYTHON=python3 VENV=.venv sh .ci/setup.sh [--plan]
#
# --plan prints what would be done and changes nothing. Where packages come from is pip's own configuration. A torch that
# already works, in VENV or in PYTHON's own environment, is kept as it is: pip is held to its version instead of the pin.
set -eu

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
OLDEST_TORCH=2.9
cd "$(dirname "$0")/.."

fail() {
    echo "error: $1" >&2
    exit 2
}

torch_version() { # of one interpreter, as pip knows it (torch itself may add a build tag); empty where it does not import
    "$1" - 2>/dev/null <<'PY' || true
from importlib import metadata

import torch

try:
    print(metadata.version("torch"))
except metadata.PackageNotFoundError:
    print(torch.__version__)
PY
}

check_python() {
    command -v "$PYTHON" >/dev/null 2>&1 || fail "$PYTHON: no such interpreter: name one of Python 3.11 or newer, as in: make PYTHON=python3.12 setup"
    found=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$PYTHON is Python $found, and 3.11 or newer is needed: name another, as in: make PYTHON=python3.12 setup"
}

check_torch() { # version
    "$PYTHON" - "$1" "$OLDEST_TORCH" <<'PY' || fail "torch $1 is there and is left alone, but $OLDEST_TORCH or newer is needed: upgrade it yourself, or choose another environment with VENV= or PYTHON="
import re
import sys

have, need = (tuple(int(part) for part in re.findall(r"\d+", text)[:2]) for text in sys.argv[1:])
sys.exit(have < need)
PY
}

in_own_environment() { # whether PYTHON is a virtual environment's, whose packages a new one cannot see
    "$PYTHON" -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)'
}

plan() { # sets torch, site_packages and create
    torch='' site_packages='' create=no
    if [ -x "$VENV/bin/python" ]; then
        torch=$(torch_version "$VENV/bin/python")
    else
        create=yes
        check_python
        in_own_environment || torch=$(torch_version "$PYTHON")
        [ -z "$torch" ] || site_packages=--system-site-packages
    fi
    [ -z "$torch" ] || check_torch "$torch"
}

constraints() { # the pins; torch's is that of the torch which is kept
    if [ -z "$torch" ]; then
        cat constraints.txt
    else
        grep -v '^torch==' constraints.txt
        echo "torch==$torch"
    fi
}

describe() {
    [ "$create" = no ] && echo "environment: $VENV (there already)" ||
        echo "environment: $VENV (new, from $PYTHON${site_packages:+, with its packages})"
    [ -z "$torch" ] && echo "torch: $(grep '^torch==' constraints.txt), the build that pip's configuration gives" ||
        echo "torch: $torch is kept"
}

install() {
    if [ "$create" = yes ]; then
        "$PYTHON" -m venv $site_packages "$VENV" ||
            fail "$PYTHON cannot make a virtual environment: install its venv module (Debian: python3-venv), then run this again"
        touch "$VENV/.made-here"
    fi
    pins=$(mktemp)
    trap 'rm -f "$pins"' EXIT
    constraints >"$pins"
    "$VENV/bin/python" -m pip install --constraint "$pins" --editable '.[docstrings,dev]' ||
        fail "pip could not install the environment (its message is above): mend that, then run the same command again"
}

plan
describe
[ "${1:-}" != --plan ] || exit 0
install
touch "$VENV/.ready"
