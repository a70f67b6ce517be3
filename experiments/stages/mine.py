"""mine: training rows with their negatives, keyed by what decides them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.config import CommonWith, RunConfig, one_collection
from experiments.files import write_text
from experiments.ir import NO_DOCUMENT, Collection, Negatives
from experiments.miners.ensemble import Ranked
from experiments.miners.mine import Mined, mine
from experiments.records.mining import MiningFacts
from experiments.store import Artifact, Store
from experiments.versions import MINE

RankedKey = str | dict[str, Any]
"""What names candidates: the key of their artifact, or those of an ensemble's members and how they combine."""


def mine_stage(
    *,
    config: RunConfig,
    collection: Collection,
    candidates: Ranked,
    candidates_key: RankedKey,
    others: Sequence[tuple[Ranked, RankedKey, CommonWith]],
    store: Store,
) -> tuple[Mined, Artifact]:
    """`mine` of the run's data, miner, mining and seed, made once. `others`: candidates, their key, what is listed."""

    def make(folder: Path) -> None:
        mined = mine(
            collection=collection,
            data=one_collection(config.data),
            candidates=candidates,
            miner=config.miner,
            mining=config.mining,
            seed=config.seed,
            others=[(candidates if key == candidates_key else other, listed) for other, key, listed in others],
        )
        save_mined(folder, mined)

    payload = {
        **MINE.payload,
        "data": config.data,
        "miner": config.miner,
        "mining": config.mining,
        "seed": config.seed,
        "collection": collection.content_hash,
        "candidates": candidates_key,
        "others": [[key, listed] for _, key, listed in others],
    }
    artifact = store.get_or_make(MINE.name, payload, make)
    return load_mined(artifact.path), artifact


def save_mined(folder: Path, mined: Mined) -> None:
    """mined.npz (arrays) and facts.json."""
    arrays = {field.name: getattr(mined.negatives, field.name) for field in fields(Negatives)}
    save_arrays(folder / "mined.npz", {"rows": mined.rows, "row": mined.row, "reasons": mined.reasons, **arrays})
    write_text(folder / "facts.json", json.dumps(mined.facts.model_dump(mode="json"), sort_keys=True) + "\n")


def save_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """What `numpy.savez_compressed` writes, at zlib's first level, which is faster (squad's rows: 1.9 MB for 1.5)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def load_mined(folder: Path) -> Mined:
    """What `save_mined` wrote."""
    with np.load(folder / "mined.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    rows, row, reasons = (arrays.pop(name) for name in ("rows", "row", "reasons"))
    facts = MiningFacts.model_validate_json((folder / "facts.json").read_text(encoding="utf-8"))
    return Mined(negatives=Negatives(**arrays), rows=rows, row=row, reasons=reasons, facts=facts)


def negatives_table(collection: Collection, mined: Mined, limit: int) -> list[dict[str, Any]]:
    """The first `limit` (row, negative) pairs as texts, scores and why they stand there; None where nothing was ranked.

    Keys: query, positive, negative, positive_score, negative_score, bar, rank, reason, known_false.
    """
    negatives = mined.negatives
    queries = collection.splits["train"].queries.texts
    passages = collection.corpus.passages
    rows, slots = np.nonzero(negatives.document != NO_DOCUMENT)
    return [
        {
            "query": queries[negatives.query[row]],
            "positive": passages[negatives.positive[row]],
            "negative": passages[negatives.document[row, slot]],
            "positive_score": float(negatives.positive_score[row, slot]),
            "negative_score": _number(negatives.score[row, slot]),
            "bar": _number(negatives.bar[row, slot]),
            "rank": int(negatives.rank[row, slot]) or None,
            "reason": _reason(mined, row, slot),
            "known_false": bool(negatives.known_false[row, slot]),
        }
        for row, slot in zip(rows[:limit].tolist(), slots[:limit].tolist(), strict=True)
    ]


def _reason(mined: Mined, row: int, slot: int) -> str:
    reason = mined.reason(row, slot)
    return "given" if reason == "random" and mined.facts.given is not None else reason


def _number(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(value)
