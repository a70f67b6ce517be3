"""Whether a collection has what mining asks of it; said before anything is ranked."""

from __future__ import annotations

import numpy as np

from experiments.config import GivenNegatives, MiningConfig, RunConfig
from experiments.errors import UserError
from experiments.ir import Collection
from experiments.miners.evaluated import minable_under


def check_needs(config: RunConfig, collection: Collection) -> None:
    """Raises UserError where miner=given has no negatives, mining.same_group no groups, or nothing may be mined.

    config: of a run on this collection alone; the miners that it lists under common_with count as well.
    """
    listed = [(one.miner, one.under(config.mining)) for one in config.mining.common_with]
    for miner, mining in [(config.miner, config.mining), *listed]:
        if isinstance(miner, GivenNegatives):
            _check_given(collection, mining)
        if mining.same_group == "exclude":
            _check_parents(collection)
        if mining.exclude_eval_documents and not minable_under(collection, mining).minable.any():
            raise UserError(
                f"mining.exclude_eval_documents=true leaves nothing of {collection.name} to mine: all documents are "
                "relevant in evaluation, so leave it false"
            )


def _check_given(collection: Collection, mining: MiningConfig) -> None:
    given = collection.splits["train"].given
    if not len(given):
        raise UserError(
            f"miner=given takes the negatives that the data has of its own, and {collection.name} has none for its "
            "train queries: give data=pairs a column of negatives, or use another miner"
        )
    most = int(np.bincount(given.query).max())
    if most < mining.num_negatives and mining.shortfall == "drop":
        raise UserError(
            f"miner=given: {collection.name} has {most} negatives a query at most, so that mining.num_negatives="
            f"{mining.num_negatives} keeps no row: set mining.num_negatives={most}, or mining.shortfall=backfill"
        )


def _check_parents(collection: Collection) -> None:
    parents = collection.corpus.parents
    if not parents:
        raise UserError(
            f"mining.same_group=exclude: nothing says what the documents of {collection.name} were cut from: give "
            "data=pairs a column group, or corpus.jsonl metadata.parent and data.group_by=document"
        )
    if len(set(parents)) == len(parents):
        raise UserError(
            f"mining.same_group=exclude changes nothing: no two documents of {collection.name} were cut from one "
            "whole: use mining.same_group=keep"
        )
