"""Going back to a run, or ahead of it: what it mined or trained, what it would reuse, what it shares with others."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace

from experiments.collections.join import join_collections
from experiments.collections.load import load_as_trained
from experiments.collections.splits import require_split
from experiments.collections.summary import facts_of, say_collections
from experiments.config import DistilledStudent, RunConfig, collections_of, one_collection
from experiments.config.shared import rankings_of
from experiments.execution import Execution, NoTracker
from experiments.ir import Collection
from experiments.miners.ensemble import Ranked, make_pools
from experiments.miners.mine import Mined
from experiments.miners.needs import check_needs
from experiments.miners.pool import Pool
from experiments.models.device import use_device
from experiments.models.trained import Trained
from experiments.pipeline.context import Context, store_of
from experiments.pipeline.steps import batch_parts, fitted_base, measure, mine, rank, student_of_run
from experiments.records.environment import use_threads
from experiments.stages.checkpoint import find_trained
from experiments.stages.guide import guide_vectors
from experiments.stages.targets import evaluation_targets
from experiments.stages.trail import Trail
from experiments.store import Artifact, Store
from experiments.store.lookup import Lookup, NotMade
from experiments.store.use import at_work
from experiments.tracking import make_tracker
from experiments.versions import TRAIN


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
        candidates, _ = rank(context, collection, config.teacher, config.mining)
    data = one_collection(config.data)
    pools = make_pools(collection, candidates, data=data, mining=config.mining, seed=config.seed)
    return collection, candidates, tuple(pools)


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
                    rank(part, one, teacher, mining)
            guide_vectors(config, joined, store=context.store, execution=execution, embed=context.embed)
        if isinstance(config.student, DistilledStudent) and config.until == "evaluate":
            fitted_base(context, joined)


def mine_again(config: RunConfig, *, execution: Execution) -> Mined:
    """Mine as a run whose record is there did, without training or measuring a student."""
    use_threads(execution.threads)
    use_device(execution)
    with at_work(execution.store):
        context, own = _unmirrored(config, execution)
        return mine(context, own, join_collections(config.data.name, own))


def trained_student(run: str, *, execution: Execution) -> Trained:
    """What a run has trained; it is trained again where its weights are not in the store. Raises UserError."""
    use_threads(execution.threads)
    use_device(execution)
    store = store_of(execution)
    again = functools.partial(train_again, execution=execution, store=store)
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
    mined = mine(context, own, joined) if config.train.kind != "none" else None
    if config.until != "evaluate":
        return
    student, _ = student_of_run(context, joined, mined, batch_parts(config, own, mined) if mined is not None else None)
    targets = evaluation_targets(config, own, {}, execution=context.execution)
    measure(context, student, targets)


def train_again(config: RunConfig, *, execution: Execution, store: Store) -> str:
    """Mine and train as a run whose record is there did, without measuring it: the key of what was trained."""
    context, own = _unmirrored(config, execution, store=store)
    joined = join_collections(config.data.name, own)
    mined = mine(context, own, joined)
    student_of_run(context, joined, mined, batch_parts(config, own, mined))
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
    store = store_of(quiet) if store is None else store
    again = functools.partial(train_again, execution=quiet, store=store)
    return Context(config=config, execution=quiet, store=store, trail=Trail(), tracker=tracker, train_again=again), own
