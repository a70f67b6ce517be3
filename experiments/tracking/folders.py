"""The folders that wandb uses: below one of ours, and not in the user's home, as long as a run is open."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from experiments.environ import environment
from experiments.tracking.credentials import Mode

OFFLINE = "offline-run-*"
SENT = ".synced"
"""What `wandb sync` adds to the name of a run's file, beside it, once all of it is sent."""


class Folders:
    """Environment variables that send wandb's files to `root`, and its own messages nowhere."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._entered = ExitStack()

    def enter(self, mode: Mode) -> None:
        """Set them. Online the user's own settings stay: they are only read, and may name their server."""
        names = ["WANDB_DATA_DIR", "WANDB_CACHE_DIR", *(["WANDB_CONFIG_DIR"] if mode == "offline" else [])]
        values = {name: str(self.root / name.split("_")[1].lower()) for name in names}
        for folder in values.values():
            Path(folder).mkdir(parents=True, exist_ok=True)
        self._entered.enter_context(environment(values | {"WANDB_SILENT": "true"}))

    def leave(self) -> None:
        """Put back what they were."""
        self._entered.close()


def run_folders(root: Path, run_id: str) -> list[Path]:
    """The folders of a run that hold what it wrote, one for each time that it was begun, oldest first."""
    found = [path for path in root.glob(f"*run-*-{run_id}") if (path / f"run-{run_id}.wandb").is_file()]
    return sorted(found, key=lambda path: path.name.removeprefix("offline-"))


def unsent(folders: Iterable[Path]) -> list[Path]:
    """Of folders, those that were written offline and not sent since."""
    return [path for path in folders if path.match(OFFLINE) and not any(path.glob(f"run-*.wandb{SENT}"))]
