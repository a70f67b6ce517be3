"""Studies made of synthetic records, written through the real schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.config import (
    BeirData,
    CommonWith,
    DenseTeacher,
    DocstringsData,
    EvaluationConfig,
    FalseNegatives,
    InfoNCE,
    MiningConfig,
    MixtureData,
    ModelStudent,
    NaiveTopK,
    NoTraining,
    RandomMiner,
    RunConfig,
    TopKAbs,
    TopKMarginPos,
    TopKPercPos,
    TopKShifted,
)
from experiments.records.facts import CollectionFacts, TaskScores, TrainingFacts
from experiments.records.folder import read_record
from experiments.records.mining import CalibrationFacts, Histogram, MiningFacts, RateBin, ReliabilityBin
from experiments.records.schema import MEASURES, SCHEMA_VERSION, RunRecord, dump_record, per_query_digest
from experiments.records.scores import read_scores, scores_path, write_published
from experiments.versions import STAGES

TEACHER = DenseTeacher(name="minilm_l6", source="embedded")
STUDENT = ModelStudent(name="minilm_l3", source="embedded", layers=(0, 2, 5))
PERCPOS = TopKPercPos(threshold=0.95)


@dataclass(frozen=True)
class Arm:
    """effect: shift of the mean nDCG@10. rate: known false negatives among the mined."""

    miner: Any = field(default_factory=NaiveTopK)
    effect: float = 0.0
    rate: float = 0.09
    reveal: float = 0.0
    common: bool = False
    false_negatives: FalseNegatives = "remove"
    trained: bool = True
    collapsed: bool = False
    kept: int = 480
    num_negatives: int = 4

    def mining(self) -> MiningConfig:
        common = (CommonWith(teacher=TEACHER, miner=PERCPOS),) if self.common else ()
        return MiningConfig(
            reveal=self.reveal,
            false_negatives=self.false_negatives,
            common_with=common,
            positive_within=20,
            num_negatives=self.num_negatives,
        )


CORE = {
    "untrained": Arm(miner=RandomMiner(), effect=-0.05, trained=False),
    "random": Arm(miner=RandomMiner(), effect=0.002, rate=0.001),
    "naive_topk": Arm(),
    "naive_topk_reveal1": Arm(effect=0.004, rate=0.0, reveal=1.0),
    "topk_percpos": Arm(miner=PERCPOS, effect=0.012, rate=0.026, kept=430),
}
FULL = {
    **CORE,
    "naive_topk_reveal05": Arm(effect=0.002, rate=0.05, reveal=0.5),
    "naive_topk_common": Arm(effect=0.003, rate=0.08, common=True, kept=430),
    "naive_topk_common_reveal1": Arm(effect=0.006, rate=0.0, reveal=1.0, common=True, kept=430),
    "topk_percpos_reveal1": Arm(miner=PERCPOS, effect=0.013, rate=0.0, reveal=1.0, kept=435),
    "topk_percpos_chosen": Arm(miner=TopKPercPos(threshold=0.9), effect=0.014, rate=0.02, kept=400),
    "topk_marginpos": Arm(miner=TopKMarginPos(), effect=0.009, rate=0.03, kept=420),
    "topk_shifted": Arm(miner=TopKShifted(), effect=-0.06, rate=0.01, collapsed=True),
}


def data(collection: str) -> Any:
    """A collection by name; names joined by + are a mixture."""
    if "+" in collection:
        return MixtureData(name=collection, parts={name: {"positives": "one"} for name in collection.split("+")})
    return DocstringsData() if collection == "docstrings" else BeirData(name=collection, heldout_queries=1000)


def config(arm: Arm, *, collection: str, seed: int, tasks: tuple[str, ...], until: str = "evaluate") -> RunConfig:
    splits = tuple(dict.fromkeys(task.split("/")[1] for task in tasks)) or ("test",)
    own = data(collection)
    within = None if isinstance(own, MixtureData) else 20
    return RunConfig(
        data=own,
        teacher=TEACHER,
        miner=arm.miner,
        mining=arm.mining().model_copy(update={"positive_within": within}),
        student=STUDENT,
        train=InfoNCE() if arm.trained else NoTraining(),
        evaluation=EvaluationConfig(splits=splits),
        seed=seed,
        until=until,
    )


def rng(*parts: Any) -> np.random.Generator:
    return np.random.default_rng([sum(map(ord, str(part))) for part in parts])


def scores(arm: Arm, *, name: str, task: str, seed: int, queries: int) -> np.ndarray:
    """Queries share their difficulty across arms, arms their effect on it across seeds."""
    difficulty = rng("difficulty", task).beta(0.8, 0.9, queries) * 0.9
    if not arm.trained:
        return np.clip(difficulty + arm.effect, 0, 1)
    by_arm = rng("arm", name, task).normal(0, 0.05, queries)
    noise = rng("noise", name, task, seed * 31).normal(0, 0.05, queries)
    shift = rng("seed", name, seed * 17).normal(0, 0.002)
    return np.clip(difficulty + arm.effect + shift + by_arm + noise, 0, 1)


def mining_facts(arm: Arm, *, seed: int) -> MiningFacts | None:
    if not arm.trained:
        return None
    mined = arm.kept * 4
    known = [round(arm.rate * arm.kept * share) for share in (1.6, 1.1, 0.8, 0.5)]
    ranked = arm.miner.kind != "random"
    by_rank = tuple(RateBin(label=str(i + 1), mined=arm.kept, known_false=known[i]) for i in range(4))
    by_score = (
        RateBin(label="0.3 to 0.5", mined=mined // 2, known_false=0),
        RateBin(label="0.5 to 0.7", mined=mined - mined // 2, known_false=sum(known)),
    )
    return MiningFacts(
        queries=480,
        rows=480,
        kept=arm.kept,
        short_rows=480 - arm.kept,
        not_common=0,
        without_positive=0,
        candidates=48000,
        rejected=(480 - arm.kept) * 100,
        rejected_reasons={"bar": (480 - arm.kept) * 100},
        mean_rank=3.5 if ranked else None,
        mean_gap=0.05 + 0.3 * (0.1 - arm.rate) if ranked else None,
        mean_positive_score=0.6,
        mean_negative_score=0.5,
        mined=mined,
        known_false=sum(known),
        known_false_by_rank=by_rank,
        known_false_by_score=by_score if ranked else (),
        histograms=_histograms(mined) if ranked else {},
        calibration=calibration_facts(seed) if arm.miner.kind == "topk_calibrated" else None,
    )


def calibration_facts(seed: int) -> CalibrationFacts:
    """A thousand candidates more with each seed: nine tenths of them at .01, the others at .4."""
    low, high = 900 * (seed + 1), 100 * (seed + 1)
    return CalibrationFacts(
        target=0.2,
        rows=10 * (seed + 1),
        candidates=low + high,
        hidden=50 * (seed + 1),
        brier=0.03,
        reliability=(
            ReliabilityBin(low=0.01, high=0.02, candidates=low, hidden=9 * (seed + 1), predicted=0.01),
            ReliabilityBin(low=0.3, high=0.4, candidates=high, hidden=41 * (seed + 1), predicted=0.4),
        ),
        chosen=0.015,
    )


def _histograms(ranked: int) -> dict[str, Histogram]:
    return {
        "gap": Histogram(edges=(0.0, 0.1, 0.2), counts=(ranked - 5, 5)),
        "rank": Histogram(edges=(1.0, 2.0, 100.0), counts=(5, ranked - 5)),
    }


def training_facts(arm: Arm) -> TrainingFacts | None:
    if not arm.trained:
        return None
    return TrainingFacts(
        rows=arm.kept,
        steps=60,
        passes=60 * 16 / arm.kept,
        loss=((1, 2.0), (60, 0.9)),
        learning_rate=((1, 0.0), (60, 1e-6)),
        final_loss=0.9,
        mean_cosine=0.2,
        collapsed=arm.collapsed,
    )


ENVIRONMENT = {
    "python": "3.11.9",
    "processor": "synthetic",
    "threads": 1,
    "device": "cpu",
    "packages": {"torch": "2.9"},
}


def record_and_scores(
    arm: Arm, *, name: str, collection: str, seed: int, tasks: dict[str, int], until: str = "evaluate"
) -> tuple[RunRecord, pd.DataFrame]:
    """tasks: task -> number of queries."""
    built = config(arm, collection=collection, seed=seed, tasks=tuple(tasks), until=until)
    frames = []
    for task, queries in tasks.items():
        values = scores(arm, name=name, task=task, seed=seed, queries=queries)
        ids = [f"q{i:04d}" for i in range(queries)]
        columns = dict.fromkeys(("nDCG@10", "R@100", "MRR@10", "AP@100"), values)
        frames.append(pd.DataFrame({"task": task, "query_id": ids, **columns}))
    empty = pd.DataFrame({"task": [], "query_id": [], "nDCG@10": []})
    frame = pd.concat(frames, ignore_index=True) if frames else empty
    facts = {
        task: TaskScores(
            queries=queries,
            documents=3000,
            measures={name: float(frame.loc[frame["task"] == task, name].mean()) for name in MEASURES},
            mteb=None,
            content_hash=f"content of {task}",
        )
        for task, queries in tasks.items()
    }
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=built.run_id,
        config=built.model_dump(mode="json"),
        environment=ENVIRONMENT,
        collections={
            collection: CollectionFacts(
                content_hash="abc" * 8, documents=3000, queries={"train": 480, "test": 800}, report={"leaking": 3}
            )
        },
        mining=mining_facts(arm, seed=seed),
        training=training_facts(arm) if until == "evaluate" else None,
        tasks=facts,
        timings={"embed": 0.0, "train": 40.0, "evaluate": 12.0},
        cost={"embed": 20.0, "train": 40.0, "evaluate": 12.0},
        artifacts={"embed": "e" * 16},
        versions={stage.name: stage.version for stage in STAGES},
        per_query=per_query_digest(frame) if tasks else "",
    )
    return record, frame


BLOCKS = {"docstrings": {"docstrings/test": 400}, "nfcorpus": {"nfcorpus/heldout": 500, "nfcorpus/test": 160}}


def write_record(root: Path, record: RunRecord, scores: pd.DataFrame | None) -> Path:
    """A published record: its scores beside it, the ids of its queries apart."""
    path = root / "records" / record.run_id / f"{record.environment_digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if scores is not None and record.per_query:
        write_published(scores, record, scores_path(path), root=root)
    path.write_text(dump_record(record.sealed()), encoding="utf-8")
    return path


def edit_record(path: Path, change: Callable[[RunRecord], dict[str, object]]) -> None:
    """Rewrite a record and seal it anew: another record, not an edited one."""
    record = read_record(path)
    path.write_text(dump_record(record.model_copy(update=change(record)).sealed()), encoding="utf-8")


def declaration(arms: dict[str, Arm], *, seeds: tuple[int, ...], blocks: dict[str, dict[str, int]]) -> dict[str, Any]:
    return {
        "question": "What makes positive-aware mining win?",
        "expectation": "PercPos above naive.",
        "cost": "an hour",
        "baseline": "naive_topk",
        "contrasts": [
            {"name": "percpos", "arm": "topk_percpos", "baseline": "naive_topk", "blocks": list(blocks)},
            {"name": "oracle", "arm": "naive_topk_reveal1", "baseline": "naive_topk", "blocks": list(blocks)},
        ],
        "family": "holm",
        "margin": 0.005,
        "seeds": list(seeds),
        "blocks": {block: {"overrides": [f"data={block}"], "arms": None, "seeds": None} for block in blocks},
        "arms": {name: [f"miner={arm.miner.kind}"] for name, arm in arms.items()},
        "choose": {},
    }


def write_study(
    root: Path,
    *,
    name: str = "synthetic",
    arms: dict[str, Arm] = CORE,
    seeds: tuple[int, ...] = (0, 1, 2),
    blocks: dict[str, dict[str, int]] = BLOCKS,
    choose: bool = False,
    until: str = "evaluate",
) -> Path:
    """A published study; returns its folder."""
    runs = []
    for block, tasks in blocks.items():
        for arm_name, arm in arms.items():
            for seed in seeds:
                record, frame = record_and_scores(
                    arm, name=arm_name, collection=block, seed=seed, tasks=tasks, until=until
                )
                write_record(root, record, frame)
                runs.append(_planned(block, arm_name, seed, 2, record.run_id))
    chosen = {}
    if choose:
        chosen, dev_runs = _dev_phase(root, blocks, seeds)
        runs = dev_runs + runs
    declared = declaration(arms, seeds=seeds, blocks=blocks)
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    plan = {
        "schema_version": 1,
        "study": name,
        "declaration": declared,
        "declared_at_first_run": declared,
        "runs": runs,
        "chosen": chosen,
    }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return folder


def _planned(block: str, arm: str, seed: int, phase: int, run_id: str) -> dict[str, Any]:
    return {"block": block, "arm": arm, "seed": seed, "phase": phase, "run_id": run_id, "overrides": []}


def _dev_phase(root: Path, blocks: dict[str, Any], seeds: tuple[int, ...]) -> tuple[dict, list]:
    chosen, runs = {}, []
    methods = {
        "topk_percpos": (TopKPercPos, (0.8, 0.9, 0.95)),
        "topk_abs": (TopKAbs, (0.5, 0.6, 0.7)),
    }
    for block in list(blocks)[:1]:
        for arm_name, (kind, values) in methods.items():
            curve = []
            for value in values:
                arm = Arm(miner=kind(threshold=value), effect=0.012 - 0.3 * (value - values[2]) ** 2)
                found = []
                for seed in seeds:
                    record, frame = record_and_scores(
                        arm, name=f"{arm_name}{value}", collection=block, seed=seed, tasks={f"{block}/dev": 150}
                    )
                    write_record(root, record, frame)
                    runs.append(_planned(block, arm_name, seed, 1, record.run_id))
                    found.append(record)
                mean = float(np.mean([r.tasks[f"{block}/dev"].measures["nDCG@10"] for r in found]))
                curve.append({"value": value, "mean": mean, "run_ids": [r.run_id for r in found]})
            best = max(curve, key=lambda point: point["mean"])
            chosen[f"{block}/{arm_name}"] = {
                "key": "miner.threshold",
                "value": best["value"],
                "by": "dev nDCG@10",
                "curve": curve,
            }
    return chosen, runs


def to_store(published: Path, folder: Path, store: Path) -> None:
    """The same study as it lies in an artifact store: scores beside each record, the plan under studies/."""
    for path in (published / "records").glob("*/*.json"):
        beside = store / "records" / path.parent.name / path.name
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(path.read_bytes())
        scores = read_scores(read_record(path), path)
        if scores is not None:
            scores.to_parquet(beside.with_suffix(".parquet"), index=False)
    plan = store / "studies" / folder.name / "plan.json"
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_bytes((folder / "plan.json").read_bytes())
