"""Weights & Biases: online with a key, else offline without a prompt; every file under the run's output folder.

Nothing that W&B does ends a run: what fails once it is open is one warning, and the run goes on without.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

from experiments.config import RunConfig
from experiments.errors import one_line
from experiments.execution import Labels, WandbTracker
from experiments.records.merge import record_files
from experiments.records.schema import RunRecord
from experiments.redaction import redacted
from experiments.tracking import mirror
from experiments.tracking.folders import Folders, run_folders
from experiments.tracking.opening import open_run
from experiments.tracking.protocol import NegativeRows, RowIds
from experiments.tracking.sync import sync_command
from experiments.tracking.told import STEP, TABLE, Told

log = logging.getLogger("experiments")


class WandbRun:
    """One run in Weights & Biases; its files lie under `folder`/wandb, its record is taken from `store`."""

    def __init__(self, tracker: WandbTracker, *, folder: Path, store: Path) -> None:
        self._tracker = tracker
        self._folders = Folders(folder.absolute() / "wandb")
        self._store = store
        self._run: Any = None
        self._config: RunConfig | None = None
        self._told = Told()
        self._first: int | None = None
        self._heard = self._failed = False

    def start(self, config: RunConfig, run_id: str, labels: Labels) -> None:
        """Open the run under its own id, or go on with it. Raises UserError as `open_run` does."""
        opened = open_run(self._tracker, self._folders, config, run_id, labels)
        self._run, self._told, self._config = opened.run, opened.told, config
        self._first = opened.told.rows or None
        self._try(lambda: self._run.define_metric("train/*", step_metric=STEP))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One row of history: ``train/step`` and ``train/<name>``; none for a step that was told before."""
        self._heard = True
        if step > self._told.step:
            self._write({STEP: step} | {f"train/{name}": value for name, value in values.items()})

    def student(self, key: str) -> None:
        """The key of the student, in the summary."""
        self._try(lambda: self._run.summary.update({"student": key}))

    def negatives(self, rows: NegativeRows) -> None:
        """A wandb.Table named ``negatives``, once."""
        import wandb

        if self._told.table or self._failed:
            return
        columns = list(rows[0]) if rows else []
        with self._forgiven():
            table = wandb.Table(columns=columns, data=[[row[name] for name in columns] for row in rows])
            self._write({TABLE: table})

    def rows(self, ids: RowIds) -> None:
        """A version of the data's artifact of negatives: W&B keeps one for equal content, whichever run logs it."""
        if not self._failed:  # asking a server that is away once more would cost as long again
            with self._forgiven():
                self._log_rows(ids)

    def finish(self, record: RunRecord) -> None:
        """The record with its scores as files, summary measures and timings.

        The loss, too, where training was reused and so told nothing on its way.
        """
        if record.training is not None and not self._heard:
            for step, values in mirror.history(record.training):
                self.log(step, values)
        self._try(lambda: self._save(record))
        self._try(lambda: self._run.summary.update(mirror.summary(record) | self._no_longer_stopped()))
        self._close(exit_code=0)

    def abort(self, *, stopped: bool = False) -> None:
        """Mark the run as failed; one that was stopped on purpose ends well, and its summary says so."""
        if stopped:
            self._try(lambda: self._run.summary.update({"stopped": True}))
        self._close(exit_code=0 if stopped else 1)

    def _no_longer_stopped(self) -> dict[str, bool]:
        """For a run that goes on with one that was stopped on purpose."""
        return {"stopped": False} if self._run.summary.get("stopped") else {}

    def _write(self, values: Mapping[str, Any]) -> None:
        """A row of history; the first one is numbered after those that were told before, wandb counts on from there."""
        number, self._first = self._first, None
        self._try(lambda: self._run.log(dict(values), step=number, commit=True))

    def _log_rows(self, ids: RowIds) -> None:
        import wandb

        assert self._config is not None
        artifact, content = wandb.Artifact(mirror.artifact_name(self._config), type="negatives"), hashlib.sha256()
        with artifact.new_file("rows.jsonl", encoding="utf-8") as file:
            for line in mirror.row_lines(ids):
                content.update(line.encode("utf-8"))
                file.write(line)
        facts = artifact.metadata = {"rows": len(ids), "digest": content.hexdigest()}
        self._run.log_artifact(artifact)
        self._run.summary.update({f"negatives/{name}": value for name, value in facts.items()})

    def _save(self, record: RunRecord) -> None:
        """Copies, since wandb would link to the store, and an offline folder is carried elsewhere."""
        files = Path(self._run.dir)
        for name in record_files(self._store, record):
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            copyfile(self._store / name, files / name)
            self._run.save(str(files / name), base_path=str(files), policy="now", glob=False)

    def _close(self, *, exit_code: int) -> None:
        import wandb

        # wandb's service keeps the folders it was started with, and the next run of this process has its own: so
        # both are left behind, also where the end of this run cannot be told.
        try:
            with self._forgiven():
                self._run.finish(exit_code=exit_code)
            with self._forgiven():
                wandb.teardown(exit_code=exit_code)
        finally:
            self._folders.leave()

    def _try(self, call: Callable[[], Any]) -> None:
        with self._forgiven():
            call()

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        """What the block raises is a warning, the first time."""
        try:
            yield
        # The boundary between a run and its mirror, which can fail no run, whatever it raises.
        except Exception as error:
            logging.getLogger("traceback").debug("W&B failed", exc_info=True)
            if not self._failed:
                self._warn(error)
            self._failed = True

    def _warn(self, error: Exception) -> None:
        cause = redacted(one_line(error))
        last = run_folders(self._folders.root, self._run.id)[-1:]
        send = sync_command(last, online=True)
        log.warning("W&B does not take all of this run (%s): %s sends what was written", cause, send)
