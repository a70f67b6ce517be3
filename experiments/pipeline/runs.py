"""A run from its config to its record, one step after the other."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence

import pandas as pd

from experiments.collections.join import join_collections
from experiments.collections.leak_check import check_leaks
from experiments.collections.leaks import Evaluated
from experiments.collections.load import all_evaluated, load_own, without_copies
from experiments.collections.splits import require_split
from experiments.collections.summary import facts_of, say_collections, say_leaks
from experiments.collections.unchanged import check_unchanged, known_if_there, load_if_there
from experiments.config import RunConfig, collections_of, runs_in
from experiments.errors import one_line
from experiments.execution import Execution
from experiments.ir import Collection, Positions
from experiments.miners.mine import Mined
from experiments.miners.needs import check_needs
from experiments.models.device import resolve_device
from experiments.pipeline.again import train_again
from experiments.pipeline.context import Context, store_of, use_device_of
from experiments.pipeline.steps import batch_parts, measure, mine, student_of_run
from experiments.records.environment import say_device, threads_used, use_threads
from experiments.records.facts import CollectionFacts, LeakFacts, TaskScores, TrainingFacts
from experiments.records.folder import find_outdated, find_record, write_record
from experiments.records.provenance import provenance
from experiments.records.schema import RunRecord
from experiments.records.scores import read_scores
from experiments.stages.checkpoint import trained_base
from experiments.stages.evaluate import EvaluationTarget, built_in_contents, built_in_texts
from experiments.stages.record import Started, make_record, values_read
from experiments.stages.renewal import renewed, still_stands
from experiments.stages.targets import evaluation_targets, keep_groups
from experiments.stages.trail import Trail
from experiments.stages.watch import dev_watch
from experiments.store.use import at_work
from experiments.tracking import RunStopped, Tracker, Trackers, make_tracker
from experiments.versions import versions_of

log = logging.getLogger("experiments")


def run(config: RunConfig, execution: Execution, *, listeners: Sequence[Tracker] = ()) -> RunRecord:
    """The record of `config`: found if the run is done, else made.

    listeners: told what the execution's own tracker is told. Raises UserError for what the user can mend, and
    RunStopped where one of them ends the run.
    """
    done = find_record(execution.record_roots, config.run_id)
    if done is not None:
        load = functools.partial(load_if_there, execution=execution)
        known = functools.partial(known_if_there, execution=execution)
        check_unchanged(done, config.data, load, known=known, cache=execution.store / "collections")
        return done
    use_threads(execution.threads)
    use_device_of(config, execution)
    for other in runs_in(values_read(config)):
        trained_base(other, execution.record_roots)
    own = load_own(config.data, execution=execution, cache=execution.store / "collections")
    tracker = _tracker(execution, listeners)
    tracker.start(config, config.run_id, execution.labels)
    store = store_of(execution)
    again = functools.partial(train_again, execution=execution, store=store)
    context = Context(
        config=config, execution=execution, store=store, trail=Trail(), tracker=tracker, train_again=again
    )
    succeeded = stopped = False
    try:
        record = _run_stages(context, own)
        succeeded = True
    except RunStopped:
        stopped = True
        raise
    finally:
        if not succeeded:
            tracker.abort(stopped=stopped)
    _finish(tracker, record)
    return record


def _tracker(execution: Execution, listeners: Sequence[Tracker]) -> Tracker:
    own = make_tracker(execution)
    return Trackers((own, *listeners)) if listeners else own


def _finish(tracker: Tracker, record: RunRecord) -> None:
    try:
        tracker.finish(record)
    # The record is written, and a mirror of it can fail no run, whatever the tracker raises.
    except Exception as error:
        logging.getLogger("traceback").exception("the tracker failed")
        cause = one_line(error)
        log.warning("run %s is recorded, but its tracker did not finish (%s)", record.run_id, cause)


def _run_stages(context: Context, own: Mapping[str, Collection]) -> RunRecord:
    started, config = Started(), context.config
    collections = {name: facts_of(one) for name, one in own.items()}
    # What cannot be measured is said before hours of mining and training.
    targets: list[EvaluationTarget] = []
    if config.until == "evaluate":
        targets = evaluation_targets(config, own, collections, execution=context.execution)
    own, leaks = _without_leaks(context, own, targets)
    collections |= {name: facts_of(one) for name, one in own.items()}
    if config.train.kind != "none":
        for one in own.values():
            require_split(one, "train", "this run trains")
            check_needs(config.part(one.name), one)
    say_device(resolve_device(context.execution), threads=threads_used(context.execution.threads))
    say_collections(collections, own, collections_of(config.data))
    if leaks is not None:
        say_leaks(leaks)
    with at_work(context.execution.store):
        return _make_record(context, own, collections, targets, leaks=leaks, started=started)


def _make_record(
    context: Context,
    own: Mapping[str, Collection],
    collections: dict[str, CollectionFacts],
    targets: Sequence[EvaluationTarget],
    *,
    leaks: LeakFacts | None,
    started: Started,
) -> RunRecord:
    config = context.config
    training: TrainingFacts | None = None
    tasks: dict[str, TaskScores] = {}
    per_query: pd.DataFrame | None = None
    keep_groups(targets, context.execution.store)
    collection = join_collections(config.data.name, own)
    mined = mine(context, own, collection) if config.train.kind != "none" else None
    part = batch_parts(config, own, mined) if mined is not None else None
    if mined is not None and config.until == "evaluate":
        taken_over = _taken_over(context, collection, mined, targets, part=part, leaks=leaks, started=started)
        if taken_over is not None:
            return taken_over
    if config.until == "evaluate":
        watch = dev_watch(config, own, context.execution) if mined else None
        student, training = student_of_run(context, collection, mined, part, watch=watch)
        tasks, per_query = measure(context, student, targets)
    record = make_record(
        config,
        collections,
        execution=context.execution,
        environment=context.store.environment,
        trail=context.trail,
        mined=mined,
        leaks=leaks,
        training=training,
        tasks=tasks,
        per_query=per_query,
        started=started,
    )
    write_record(context.execution.store, record, per_query)
    return record


def _without_leaks(
    context: Context, own: Mapping[str, Collection], targets: Sequence[EvaluationTarget]
) -> tuple[dict[str, Collection], LeakFacts | None]:
    """The collections to train on, and what they repeat of what is evaluated; None where nothing is trained."""
    config, cache = context.config, context.execution.store / "collections"
    measured = [Evaluated.of(target.task, target.corpus, target.split) for target in targets]
    asked = all_evaluated(own, measured)
    left = without_copies(config.data, own, asked)
    if config.train.kind == "none":
        return left, None
    built_in, unchecked = built_in_texts(config)
    left, leaks = check_leaks(config.data, left, [*asked, *built_in], cache=cache)
    return left, leaks.model_copy(update={"unchecked": unchecked})


def _taken_over(
    context: Context,
    collection: Collection,
    mined: Mined,
    targets: Sequence[EvaluationTarget],
    *,
    part: Positions | None,
    leaks: LeakFacts | None,
    started: Started,
) -> RunRecord | None:
    """An outdated record of this run, with today's mining, where its student and its scores still stand."""
    found = find_outdated(context.execution.record_roots, context.config.run_id)
    if found is None:
        return None
    path, record = found
    contents = {target.task: target.content_hash for target in targets} | built_in_contents(context.config)
    if not still_stands(
        record, config=context.config, collection=collection, mined=mined, contents=contents, part=part
    ):
        return None
    log.info("taken over from %s: the rows, the training and the evaluation are the same", path)
    artifacts = context.trail.keys
    versions = versions_of(record.stages | context.trail.stages)
    taken = renewed(record, mined=mined, leaks=leaks, artifacts=artifacts, versions=versions)
    taken = taken.model_copy(update={"provenance": provenance(started=started.at)})
    write_record(context.execution.store, taken, read_scores(record, path))
    return taken.sealed()
