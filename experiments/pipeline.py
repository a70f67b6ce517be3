"""run(config, execution) -> RunRecord: the study's method, one stage after the other.

A teacher ranks the corpus for every training query, a miner picks negatives from that ranking, the student is
fine-tuned on them, and the fine-tuned student is measured. Each stage is a cached function of the slice of config that
it reads.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from experiments.collections.join import join_collections, offsets, part_of_query
from experiments.collections.leak_check import check_leaks
from experiments.collections.leaks import Evaluated
from experiments.collections.load import all_evaluated, load_as_trained, load_own, without_copies
from experiments.collections.splits import require_split
from experiments.collections.summary import facts_of, say_collections, say_leaks
from experiments.collections.unchanged import check_unchanged, load_if_there
from experiments.config import (
    CheckpointStudent,
    DistilledStudent,
    EnsembleTeacher,
    MiningConfig,
    MixtureData,
    RunConfig,
    TeacherConfig,
    Training,
    collections_of,
    one_collection,
    runs_in,
)
from experiments.config.shared import rankings_of
from experiments.execution import Execution, NoTracker
from experiments.ir import Candidates, Collection, Positions
from experiments.miners.depth import fetch_depth
from experiments.miners.ensemble import Ensemble, Ranked, make_pools
from experiments.miners.evaluated import minable_under
from experiments.miners.join import join_mined
from experiments.miners.mine import Mined
from experiments.miners.needs import check_needs
from experiments.miners.pool import Pool
from experiments.models.device import check_attention, check_training_device, resolve_device, use_device
from experiments.models.trained import Trained, start_key
from experiments.records.environment import (
    describe_environment,
    say_device,
    threads_used,
    use_threads,
)
from experiments.records.folder import find_outdated, find_record, write_record
from experiments.records.provenance import provenance
from experiments.records.schema import (
    CollectionFacts,
    LeakFacts,
    RunRecord,
    TaskScores,
    TrainingFacts,
)
from experiments.records.scores import read_scores
from experiments.stages.checkpoint import find_trained, trained_base
from experiments.stages.embed import embed
from experiments.stages.evaluate import EvaluationTarget, built_in_contents, built_in_texts, evaluate
from experiments.stages.guide import guide_vectors
from experiments.stages.mine import RankedKey, mine_stage, negatives_table
from experiments.stages.record import Started, make_record, values_read
from experiments.stages.renewal import renewed, still_stands
from experiments.stages.retrieve import retrieve
from experiments.stages.targets import evaluation_targets, keep_groups
from experiments.stages.trail import Trail
from experiments.stages.watch import dev_watch
from experiments.store import Artifact, Store
from experiments.store.lookup import Lookup, NotMade
from experiments.store.use import at_work
from experiments.teachers.teacher import Embed
from experiments.tracking import RunStopped, Tracker, Trackers, make_tracker
from experiments.training.watch import Watch
from experiments.versions import TRAIN, versions_of

log = logging.getLogger("experiments")


@dataclass(frozen=True)
class Context:
    """What every stage of one run shares."""

    config: RunConfig
    execution: Execution
    store: Store
    trail: Trail
    tracker: Tracker
    found: dict[str, Trained] = field(default_factory=dict)

    @property
    def embed(self) -> Embed:
        """The embed stage over this run's store, for the stages that need vectors."""
        return functools.partial(embed, store=self.store, execution=self.execution, trained=self.trained)

    def trained(self, run: str) -> Trained:
        """What another run has trained; it is trained again where its weights are not in the store."""
        if run not in self.found:
            again = functools.partial(_train_again, execution=self.execution, store=self.store)
            self.found[run], artifact = find_trained(
                run, roots=self.execution.record_roots, store=self.store, train_again=again
            )
            self.trail.add(f"checkpoint {run[:8]}", artifact)
        return self.found[run]

    @property
    def start(self) -> Trained | None:
        """The student of another run that this one's begins with, if any."""
        student = self.config.student
        return self.trained(student.run) if isinstance(student, CheckpointStudent) else None


@dataclass(frozen=True)
class Student:
    """A student to measure: its key, and the folders that hold its weights."""

    key: str
    trained: Path | None
    fitted: Path | None


def run(config: RunConfig, execution: Execution, *, listeners: Sequence[Tracker] = ()) -> RunRecord:
    """The record of `config`: found if the run is done, else made.

    listeners: told what the execution's own tracker is told. Raises UserError for what the user can mend, and
    RunStopped where one of them ends the run.
    """
    done = find_record(execution.record_roots, config.run_id)
    if done is not None:
        load = functools.partial(load_if_there, execution=execution)
        check_unchanged(done, config.data, load, cache=execution.store / "collections")
        return done
    use_threads(execution.threads)
    _use_device(config, execution)
    for other in runs_in(values_read(config)):
        trained_base(other, execution.record_roots)
    own = load_own(config.data, execution=execution, cache=execution.store / "collections")
    tracker = _tracker(execution, listeners)
    tracker.start(config, config.run_id, execution.labels)
    context = Context(config=config, execution=execution, store=_store(execution), trail=Trail(), tracker=tracker)
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


def rank_for_audit(config: RunConfig, execution: Execution) -> tuple[Collection, Ranked, tuple[Pool, ...]]:
    """What mining starts from: the collection, its teacher's candidates, and the rows with what may be mined for each.

    Every artifact is that of a run. Raises UserError for a collection without training queries.
    """
    use_threads(execution.threads)
    use_device(execution)
    with at_work(execution.store):
        context, own = _unmirrored(config, execution)
        (collection,) = own.values()
        say_collections({collection.name: facts_of(collection)}, own, collections_of(config.data))
        require_split(collection, "train", "an audit mines for training queries")
        check_needs(config, collection)
        candidates, _ = _rank(context, collection, config.teacher, config.mining)
    data = one_collection(config.data)
    pools = make_pools(collection, candidates, data=data, mining=config.mining, seed=config.seed)
    return collection, candidates, tuple(pools)


def _use_device(config: RunConfig, execution: Execution) -> None:
    """Set the device up. What cannot run there is refused before anything is read."""
    device = resolve_device(execution)
    if isinstance(config.train, Training) and config.until == "evaluate":
        check_training_device(device)
        check_attention(config.train.attention, device)
    use_device(execution)


def _store(execution: Execution) -> Store:
    """The store, which notes in every artifact the environment that made it."""
    device, threads = resolve_device(execution), threads_used(execution.threads)
    return Store(execution.store, environment=describe_environment(device=device, threads=threads))


def _finish(tracker: Tracker, record: RunRecord) -> None:
    try:
        tracker.finish(record)
    # The record is written, and a mirror of it can fail no run, whatever the tracker raises.
    except Exception as error:
        logging.getLogger("traceback").exception("the tracker failed")
        cause = " ".join(f"{type(error).__name__}: {error}".split())
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
    mined = _mine(context, own, collection) if config.train.kind != "none" else None
    part = _batch_parts(config, own, mined) if mined is not None else None
    if mined is not None and config.until == "evaluate":
        taken_over = _taken_over(context, collection, mined, targets, part=part, leaks=leaks, started=started)
        if taken_over is not None:
            return taken_over
    if config.until == "evaluate":
        watch = dev_watch(config, own, context.execution) if mined else None
        student, training = _student(context, collection, mined, part, watch=watch)
        tasks, per_query = _evaluate(context, student, targets)
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


def _evaluate(
    context: Context, student: Student, targets: Sequence[EvaluationTarget]
) -> tuple[dict[str, TaskScores], pd.DataFrame]:
    tasks, per_query, artifacts = evaluate(
        config=context.config,
        student=student.trained,
        fitted=student.fitted,
        start=context.start,
        student_key=student.key,
        targets=targets,
        store=context.store,
        execution=context.execution,
    )
    for task, artifact in zip(tasks, artifacts, strict=True):
        context.trail.add(f"evaluate {task}", artifact)
    return tasks, per_query


def prepare(config: RunConfig, execution: Execution) -> None:
    """Make what a run shares with others of its data, teachers, guide and distilled base, and nothing else."""
    use_threads(execution.threads)
    use_device(execution)
    with at_work(execution.store):
        context, own = _unmirrored(config, execution)
        joined = join_collections(config.data.name, own)
        if config.train.kind != "none":
            for name, one in own.items():
                part = replace(context, config=config.part(name))
                for teacher, mining in rankings_of(part.config):
                    _rank(part, one, teacher, mining)
            guide_vectors(config, joined, store=context.store, execution=execution, embed=context.embed)
        if isinstance(config.student, DistilledStudent) and config.until == "evaluate":
            _fitted(context, joined)


def mine_again(config: RunConfig, *, execution: Execution) -> Mined:
    """Mine as a run whose record is there did, without training or measuring a student."""
    use_threads(execution.threads)
    use_device(execution)
    with at_work(execution.store):
        context, own = _unmirrored(config, execution)
        return _mine(context, own, join_collections(config.data.name, own))


def trained_student(run: str, *, execution: Execution) -> Trained:
    """What a run has trained; it is trained again where its weights are not in the store. Raises UserError."""
    use_threads(execution.threads)
    use_device(execution)
    store = _store(execution)
    again = functools.partial(_train_again, execution=execution, store=store)
    with at_work(execution.store):
        return find_trained(run, roots=execution.record_roots, store=store, train_again=again)[0]


def look_up(config: RunConfig, execution: Execution) -> tuple[dict[str, Artifact], NotMade | None]:
    """The artifacts that a run would reuse, by their names in a record, up to the first that it would make.

    None where every one is there. Nothing is made. Raises UserError for data that is not there.
    """
    context, own = _unmirrored(config, execution, store=Lookup(execution.store))
    try:
        _look_up(context, own)
    except NotMade as missing:
        return context.trail.artifacts, missing
    return context.trail.artifacts, None


def _look_up(context: Context, own: Mapping[str, Collection]) -> None:
    config, joined = context.config, join_collections(context.config.data.name, own)
    mined = _mine(context, own, joined) if config.train.kind != "none" else None
    if config.until != "evaluate":
        return
    student, _ = _student(context, joined, mined, _batch_parts(config, own, mined) if mined is not None else None)
    targets = evaluation_targets(config, own, {}, execution=context.execution)
    _evaluate(context, student, targets)


def _train_again(config: RunConfig, *, execution: Execution, store: Store) -> str:
    """Mine and train as a run whose record is there did, without measuring it: the key of what was trained."""
    context, own = _unmirrored(config, execution, store=store)
    joined = join_collections(config.data.name, own)
    mined = _mine(context, own, joined)
    _student(context, joined, mined, _batch_parts(config, own, mined))
    return context.trail.keys[TRAIN.name]


def _unmirrored(
    config: RunConfig, execution: Execution, *, store: Store | None = None
) -> tuple[Context, dict[str, Collection]]:
    """A context without a tracker, and the collections of a run, without the queries that it is measured on.

    store: None = the one of `execution`.
    """
    quiet = execution.model_copy(update={"tracker": NoTracker()})
    own = load_as_trained(config, execution=quiet, cache=quiet.store / "collections")
    tracker = make_tracker(quiet)
    store = _store(quiet) if store is None else store
    return Context(config=config, execution=quiet, store=store, trail=Trail(), tracker=tracker), own


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


def _mine(context: Context, own: Mapping[str, Collection], joined: Collection) -> Mined:
    """Each collection is mined inside its own corpus; the rows are put together as rows of the `joined` one."""
    found = {
        name: _mine_one(
            replace(context, config=context.config.part(name)), one, label="mine" if len(own) == 1 else f"mine {name}"
        )
        for name, one in own.items()
    }
    mined = join_mined(found, offsets(own))
    if limit := getattr(context.execution.tracker, "negatives", 0):
        context.tracker.negatives(negatives_table(joined, mined, limit))
    return mined


def _batch_parts(config: RunConfig, own: Mapping[str, Collection], mined: Mined) -> Positions | None:
    """(R,) which part each training row is from, where a batch has rows of one part alone."""
    if isinstance(config.data, MixtureData) and config.data.batches == "by_collection":
        return part_of_query(own, mined.negatives.query)
    return None


def _mine_one(context: Context, collection: Collection, *, label: str) -> Mined:
    """Rank with the teacher (and those of `common_with`), then pick negatives."""
    config = context.config
    candidates, key = _rank(context, collection, config.teacher, config.mining)
    others = [
        (*_rank(context, collection, other.teacher, other.under(config.mining)), other)
        for other in config.mining.common_with
    ]
    mined, artifact = mine_stage(
        config=config,
        collection=collection,
        candidates=candidates,
        candidates_key=key,
        others=others,
        store=context.store,
    )
    context.trail.add(label, artifact)
    return mined


def _rank(
    context: Context, collection: Collection, teacher: TeacherConfig, mining: MiningConfig
) -> tuple[Ranked, RankedKey]:
    """A teacher's candidates, or those of each member of an ensemble, which single-teacher runs share."""
    if not isinstance(teacher, EnsembleTeacher):
        return _retrieve(context, collection, teacher, mining)
    found = [_retrieve(context, collection, member, mining) for member in teacher.members]
    settings = teacher.model_dump(mode="json", exclude={"members"})
    key = {**settings, "members": [[name, key] for name, (_, key) in zip(teacher.names, found, strict=True)]}
    return Ensemble(tuple(one for one, _ in found), teacher), key


def _retrieve(
    context: Context, collection: Collection, teacher: TeacherConfig, mining: MiningConfig
) -> tuple[Candidates, str]:
    """Its candidates; what mining.exclude_eval_documents takes out counts in the ranks of positives all the same."""
    minable = minable_under(collection, mining)
    candidates, key = _search(context, minable, teacher, mining)
    if minable is collection or mining.positive_within is None:
        return candidates, key
    return replace(candidates, positive_rank=_search(context, collection, teacher, mining)[0].positive_rank), key


def _search(
    context: Context, collection: Collection, teacher: TeacherConfig, mining: MiningConfig
) -> tuple[Candidates, str]:
    data = one_collection(context.config.data)
    candidates, artifacts = retrieve(
        collection,
        teacher=teacher,
        depth=fetch_depth(collection, mining=mining, ignore_identical_ids=data.ignore_identical_ids),
        store=context.store,
        execution=context.execution,
        embed=context.embed,
    )
    for artifact in artifacts:
        context.trail.add(f"{artifact.stage} {teacher.name} {artifact.key[:4]}", artifact)
    return candidates, artifacts[-1].key


def _student(
    context: Context, collection: Collection, mined: Mined | None, part: Positions | None, watch: Watch | None = None
) -> tuple[Student, TrainingFacts | None]:
    config, execution = context.config, context.execution
    fitted, base_key = _fitted(context, collection)
    start = context.start
    if mined is None:
        return Student(key=base_key, trained=start.folder if start is not None else None, fitted=fitted), None
    from experiments.stages.train import train

    guide, artifacts = guide_vectors(config, collection, store=context.store, execution=execution, embed=context.embed)
    for artifact in artifacts:
        context.trail.add(f"embed guide {artifact.key[:4]}", artifact)
    trained, facts, artifact = train(
        config=config,
        collection=collection,
        negatives=mined.negatives,
        fitted=fitted,
        guide=guide,
        part=part,
        start=start,
        store=context.store,
        execution=execution,
        on_log=context.tracker.log,
        on_student=context.tracker.student,
        watch=watch,
    )
    context.trail.add("train", artifact)
    return Student(key=artifact.key, trained=trained, fitted=fitted), facts


def _fitted(context: Context, collection: Collection) -> tuple[Path | None, str]:
    """The weights of a distilled base, and the key of the untrained student."""
    student = context.config.student
    if not isinstance(student, DistilledStudent):
        return None, start_key(student, context.start)
    from experiments.stages.distill import distill

    folder, artifact = distill(
        student=student,
        collection=collection,
        store=context.store,
        execution=context.execution,
        embed=context.embed,
    )
    context.trail.add("distill", artifact)
    return folder, artifact.key
