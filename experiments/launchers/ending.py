"""What launchers say of a job whose process ended before its run did."""

from __future__ import annotations


def lost(name: str, how: str) -> None:
    """Print that a job ended without finishing its run; the others go on."""
    print(f"warning: the process of {name} was lost ({how}); the others go on", flush=True)
