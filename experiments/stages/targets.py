"""What a run is measured on: splits of its own collections, test splits of others, and the groups of their queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.collections.groups import query_groups
from experiments.collections.load import load_collection, named_data
from experiments.collections.splits import evaluation_split, require_split
from experiments.collections.summary import facts_of
from experiments.config import DataConfig, RunConfig, collections_of
from experiments.evaluation.target import EvaluationTarget
from experiments.execution import Execution
from experiments.ir import Collection
from experiments.records.facts import CollectionFacts
from experiments.records.groups import groups_path, write_groups
from experiments.stages.evaluate import check_tasks


def evaluation_targets(
    config: RunConfig, own: Mapping[str, Collection], collections: dict[str, CollectionFacts], *, execution: Execution
) -> list[EvaluationTarget]:
    """The collections to measure on; what is loaded for it is noted in `collections`. Raises UserError."""
    check_tasks(config.evaluation.tasks)
    targets = _own_targets(config, own)
    for name in config.evaluation.collections:
        if name in {config.data.name, *own}:
            continue
        data = named_data(name, config.data)
        other = load_collection(data, execution=execution, cache=execution.store / "collections")
        collections[name] = facts_of(other)
        targets.append(_target(other, data, "test"))
    return targets


def dev_targets(config: RunConfig, own: Mapping[str, Collection]) -> list[EvaluationTarget]:
    """The dev queries of the collections that the run trains on. Raises UserError where none of them has any."""
    evaluation = config.evaluation.model_copy(update={"splits": ("dev",), "collections": ()})
    return _own_targets(config.model_copy(update={"evaluation": evaluation}), own)


def _own_targets(config: RunConfig, own: Mapping[str, Collection]) -> list[EvaluationTarget]:
    """The asked splits of the collections that the run trains on; of a mixture, those that a part has.

    Raises UserError for a split that none of them has.
    """
    asked = {*config.evaluation.collections} or {config.data.name}
    names = [name for name in own if name in asked or config.data.name in asked]
    targets = []
    for split in config.evaluation.splits if names else ():
        there = [name for name in names if split in own[name].splits] or names[:1]
        targets += [_target(own[name], collections_of(config.data)[name], split) for name in there]
    return targets


def _target(collection: Collection, data: DataConfig, split: str) -> EvaluationTarget:
    require_split(collection, split, f"evaluation asks for {collection.name}/{split}")
    corpus, judged = evaluation_split(collection, data, split)
    return EvaluationTarget(
        task=f"{collection.name}/{split}",
        corpus=corpus,
        split=judged,
        ignore_identical_ids=data.ignore_identical_ids,
    )


def keep_groups(targets: Sequence[EvaluationTarget], store: Path) -> None:
    """Write the groups of the evaluated queries beside the records, for intervals that allow for them."""
    for target in targets:
        path = groups_path(store, target.content_hash)
        if not path.is_file():
            write_groups(path, *query_groups(target.corpus, target.split))
