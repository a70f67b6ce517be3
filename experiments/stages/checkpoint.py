"""Another run's trained student: its config from its record, its weights from the store, or trained anew."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from experiments.config import BaseStudent, CheckpointStudent, RunConfig, StudentConfig
from experiments.contents import FileContent
from experiments.errors import UserError
from experiments.identity import digest
from experiments.models.trained import Trained
from experiments.records.folder import find_records, is_outdated
from experiments.store import Artifact, Store
from experiments.versions import TRAIN

MODEL = "model/"
"""Where a train artifact keeps what was saved."""

log = logging.getLogger("experiments")


def find_trained(
    run: str, *, roots: Sequence[Path], store: Store, train_again: Callable[[RunConfig], str]
) -> tuple[Trained, Artifact]:
    """What `run` has trained, and the artifact that holds it.

    roots: the folders whose records count. train_again: trains a run's student into the store and gives the artifact's
    key; called where no record's weights are in the store, as with records that were published. Raises UserError for a
    run without a record, or one that trains nothing.
    """
    config, student = trained_config(run, roots), trained_base(run, roots)
    keys = [record.artifacts.get(TRAIN.name) for _, record in find_records(roots, run) if not is_outdated(record)]
    hits = (store.find_key(TRAIN.name, key) for key in keys if key is not None)
    found = next((hit for hit in hits if hit is not None), None)
    if found is None:
        log.info("the student of run %s is not in %s: it is trained again", run, store.root)
        found = store.find_key(TRAIN.name, train_again(config))
        assert found is not None
    artifact, files = found
    return Trained(run, student, artifact.path / MODEL, weights_digest(files)), artifact


def trained_config(run: str, roots: Sequence[Path]) -> RunConfig:
    """The config of a run that trains a student, from its record. Raises UserError where there is none."""
    record = next((record for _, record in find_records(roots, run)), None)
    if record is None:
        places = " or ".join(str(root / "records") for root in roots)
        raise UserError(f"run {run}: there is no record of it in {places}: run it first, or name another run")
    config = record.run_config()
    if config.run_id != run:
        raise UserError(f"run {run}: its record holds the config of run {config.run_id}: remove it and run it again")
    check_trains(config)
    return config


def check_trains(config: RunConfig) -> None:
    """Raises UserError for a run that leaves no trained student."""
    if config.until == "mine":
        raise UserError(f"run {config.run_id} stops after mining, so it has no student: name a run that trains one")
    if config.train.kind == "none":
        raise UserError(f"run {config.run_id} has train=none, so it trains no student: name a run that trains one")


def trained_base(run: str, roots: Sequence[Path]) -> BaseStudent:
    """The base model that a run's student was first made of, however many runs lie between.

    No run can name itself through others: a run_id is a digest of a config that holds the next one's.
    """
    return base_student(trained_config(run, roots).student, roots)


def base_student(student: StudentConfig, roots: Sequence[Path]) -> BaseStudent:
    """The base model of a student: of another run's, the one that that run's was first made of."""
    return trained_base(student.run, roots) if isinstance(student, CheckpointStudent) else student


def weights_digest(files: Mapping[str, FileContent]) -> str:
    """Digest of the names and contents of what training saved; files: those of its artifact."""
    return digest({name: content.sha256 for name, content in files.items() if name.startswith(MODEL)})
