"""The one command that sends runs which were kept offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.tracking.folders import OFFLINE, unsent


def sync_command(folders: Sequence[Path], *, online: bool = False) -> str:
    """`wandb sync FOLDER ...`; several folders of one run are sent in the order of their beginning.

    online: also what was begun online.
    """
    return " ".join(["wandb sync", *(["--include-online"] if online else []), *map(str, folders)])


def sync_line(outputs: Path, base_url: str | None = None) -> str | None:
    """How to send the runs below `outputs` that are kept offline and were not sent; None where there are none."""
    pattern = f"runs/*/wandb/{OFFLINE}"
    runs = len({path.parent for path in unsent(outputs.glob(pattern))})
    if not runs:
        return None
    where = "" if base_url is None else f"WANDB_BASE_URL={base_url} "
    return f"W&B: {runs} run{'s are' if runs > 1 else ' is'} kept offline: {where}wandb sync {outputs}/{pattern}"


def say_offline(config: Mapping[str, Any]) -> None:
    """Print that line at the end of a command, where a composed config tracks with W&B."""
    tracker = config["tracker"]
    if tracker["kind"] == "wandb" and (line := sync_line(Path(str(config["outputs"])), tracker["base_url"])):
        print(line)
