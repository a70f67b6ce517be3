"""The steps of the method, each over the stages that it needs: rank and mine, fine-tune, measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from experiments.collections.join import offsets, part_of_query
from experiments.config import (
    DistilledStudent,
    EnsembleTeacher,
    MiningConfig,
    MixtureData,
    RunConfig,
    TeacherConfig,
    one_collection,
)
from experiments.ir import Candidates, Collection, Positions
from experiments.miners.depth import fetch_depth
from experiments.miners.ensemble import Ensemble, Ranked
from experiments.miners.evaluated import minable_under
from experiments.miners.join import join_mined
from experiments.miners.mine import Mined
from experiments.models.trained import start_key
from experiments.pipeline.context import Context
from experiments.records.facts import TaskScores, TrainingFacts
from experiments.stages.evaluate import EvaluationTarget, evaluate
from experiments.stages.guide import guide_vectors
from experiments.stages.mine import RankedKey, mine_stage, negatives_table
from experiments.stages.retrieve import retrieve
from experiments.training.watch import Watch


@dataclass(frozen=True)
class Student:
    """A student to measure: its key, and the folders that hold its weights."""

    key: str
    trained: Path | None
    fitted: Path | None


def mine(context: Context, own: Mapping[str, Collection], joined: Collection) -> Mined:
    """Each collection is mined inside its own corpus; the rows are put together as rows of the `joined` one."""
    found = {
        name: _mine_one(
            replace(context, config=context.config.part(name)), one, label="mine" if len(own) == 1 else f"mine {name}"
        )
        for name, one in own.items()
    }
    mined = join_mined(found, offsets(own))
    _tell_mined(context, joined, mined)
    return mined


def _tell_mined(context: Context, collection: Collection, mined: Mined) -> None:
    """Tell the tracker what it asks for: a sample of the negatives with their texts, the ids of all rows."""
    asked = context.execution.tracker
    if limit := getattr(asked, "negatives", 0):
        context.tracker.negatives(negatives_table(collection, mined, limit))
    if getattr(asked, "artifact", False):
        from experiments.training.rows import row_ids

        context.tracker.rows(row_ids(collection, mined.negatives))


def batch_parts(config: RunConfig, own: Mapping[str, Collection], mined: Mined) -> Positions | None:
    """(R,) which part each training row is from, where a batch has rows of one part alone."""
    if isinstance(config.data, MixtureData) and config.data.batches == "by_collection":
        return part_of_query(own, mined.negatives.query)
    return None


def _mine_one(context: Context, collection: Collection, *, label: str) -> Mined:
    """Rank with the teacher (and those of `common_with`), then pick negatives."""
    config = context.config
    candidates, key = rank(context, collection, config.teacher, config.mining)
    others = [
        (*rank(context, collection, other.teacher, other.under(config.mining)), other)
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


def rank(
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


def student_of_run(
    context: Context, collection: Collection, mined: Mined | None, part: Positions | None, watch: Watch | None = None
) -> tuple[Student, TrainingFacts | None]:
    """The student to measure: trained on the mined rows, or the untrained base where there are none."""
    config, execution = context.config, context.execution
    fitted, base_key = fitted_base(context, collection)
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


def fitted_base(context: Context, collection: Collection) -> tuple[Path | None, str]:
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


def measure(
    context: Context, student: Student, targets: Sequence[EvaluationTarget]
) -> tuple[dict[str, TaskScores], pd.DataFrame]:
    """Scores by task, and per query, of a student on every target."""
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
