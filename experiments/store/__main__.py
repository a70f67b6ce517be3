"""`python -m experiments.store`."""

from __future__ import annotations

import sys

from experiments.housekeeping.command import main

if __name__ == "__main__":
    sys.exit(main())
