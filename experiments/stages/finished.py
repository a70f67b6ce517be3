"""What a finished run mined: its collections, read again, and its rows, from the store or mined anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from experiments.collections.join import join_collections, offsets, part_of_query
from experiments.collections.load import load_as_trained
from experiments.config import CarvedData, RunConfig, collections_of
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection, Negatives
from experiments.miners.join import join_mined
from experiments.miners.mine import Mined
from experiments.records.schema import RunRecord
from experiments.stages.mine import load_mined
from experiments.store import Store
from experiments.versions import MINE

MineAgain = Callable[[RunConfig], Mined]


@dataclass(frozen=True)
class Finished:
    """A run's record and config, its collections joined, and what it mined as rows of the joined one.

    parts: of a mixture, the part that each row of the negatives comes from, (R,) names; None for one collection.
    anew: whether the rows were mined anew, because the store does not hold them.
    """

    record: RunRecord
    config: RunConfig
    collection: Collection
    mined: Mined
    parts: tuple[str, ...] | None
    anew: bool

    @property
    def negatives(self) -> Negatives:
        """The rows that are trained on."""
        return self.mined.negatives


def load_finished(
    record: RunRecord, *, execution: Execution, title: str, mine_again: MineAgain | None = None
) -> Finished:
    """Read it all. title: what a mistake's line begins with. mine_again: makes the rows that the store lacks.

    Raises UserError for a run that mined nothing, a collection that is not there or has changed, and for rows that are
    not in the store where nothing makes them.
    """
    config = record.run_config()
    if config.train.kind == "none":
        raise UserError(f"{title}: it has train=none, so it mined nothing: name a run that trains, or has until=mine")
    _check_paths(config, execution, title)
    own = load_as_trained(config, execution=execution, cache=execution.store / "collections")
    for name, one in own.items():
        if one.content_hash != record.collections[name].content_hash:
            raise UserError(f"{title}: {name} has changed since run {record.run_id}: run it again, or name another")
    stored = _stored(record, own, execution)
    if stored is None and mine_again is None:
        raise UserError(
            f"{title}: its mined rows are not in {execution.store}: python -m experiments.export {record.run_id} "
            "--format triplet makes them"
        )
    mined = stored if stored is not None or mine_again is None else mine_again(config)
    assert mined is not None
    return Finished(
        record=record,
        config=config,
        collection=join_collections(config.data.name, own),
        mined=mined,
        parts=_parts(own, mined.negatives),
        anew=stored is None,
    )


def _check_paths(config: RunConfig, execution: Execution, title: str) -> None:
    for name, data in collections_of(config.data).items():
        there = name in execution.data_paths or execution.beir_home is not None
        if isinstance(data, CarvedData) and not data.of_hub and not there:
            raise UserError(f"{title}: where is the collection {name!r}? Give --data-path {name}=FOLDER")


def _stored(record: RunRecord, own: Mapping[str, Collection], execution: Execution) -> Mined | None:
    """The rows under the record's keys; None where one of them is missing or damaged."""
    store = Store(execution.store)
    labels = {name: MINE.name if len(own) == 1 else f"{MINE.name} {name}" for name in own}
    found = {name: store.find_key(MINE.name, record.artifacts[label]) for name, label in labels.items()}
    mined = {name: load_mined(hit[0].path) for name, hit in found.items() if hit is not None}
    return join_mined(mined, offsets(own)) if len(mined) == len(own) else None


def _parts(own: Mapping[str, Collection], negatives: Negatives) -> tuple[str, ...] | None:
    if len(own) == 1:
        return None
    names = list(own)
    return tuple(names[part] for part in part_of_query(own, negatives.query))
