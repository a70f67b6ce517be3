"""Which settings all runs of a block share, from the configs in their records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from analysis.formats import DASH, Table, markdown
from analysis.load import Study
from experiments.config import (
    Bm25Teacher,
    DataConfig,
    DenseTeacher,
    DistilledStudent,
    DistillKL,
    DocstringsData,
    EnsembleTeacher,
    GuideMask,
    InfoNCE,
    MarginMSE,
    MaskConfig,
    MixtureData,
    ModelStudent,
    NoTraining,
    RerankerTeacher,
    RunConfig,
    SelfMask,
    TeacherConfig,
)

Settings = Iterator[tuple[str, str]]
VARIES = "varies"
OWN = "the model's own"
USUAL = {"training: in-batch mask": "known positives", "training: hardness weight": "0"}
"""What is said only where a run has something else."""


def setting_section(study: Study) -> str:
    """One row per setting, one column per block that has finished runs; empty where none has."""
    columns = {block: shared_settings(_configs(study, block)) for block in study.plan.blocks if study.started(block)}
    names = _in_order(columns.values())
    if not names:
        return ""
    rows = tuple((name, *(column.get(name, DASH) for column in columns.values())) for name in names)
    note = (
        f'What all arms of a block share; "{VARIES}" where they differ. Arms that are not trained have no teacher, '
        "mining or training, runs that stop after mining no student."
    )
    return f"## Setting\n\n{markdown(Table(('setting', *columns), rows, left=1 + len(columns)))}\n{note}\n"


def _configs(study: Study, block: str) -> list[RunConfig]:
    return [run.config for arm in study.plan.arms(block) for run in study.cell(block, arm).values()]


def shared_settings(configs: Iterable[RunConfig]) -> dict[str, str]:
    """Setting -> its one value, or that it varies. A run to which a setting means nothing has no say in it."""
    found: dict[str, dict[str, None]] = {}
    for config in configs:
        for name, value in settings(config):
            found.setdefault(name, {})[value] = None
    shared = {name: next(iter(values)) if len(values) == 1 else VARIES for name, values in found.items()}
    return {name: value for name, value in shared.items() if USUAL.get(name) != value}


def _in_order(columns: Iterable[dict[str, str]]) -> list[str]:
    """Every name that a column has: part by part, in a part as the columns have it."""
    present = dict.fromkeys(name for column in columns for name in column)
    return sorted(present, key=lambda name: list(_PARTS).index(name.partition(":")[0]))


def settings(config: RunConfig) -> Settings:
    """(name, value) of what means something to this run; names begin with their part, as in "training: steps"."""
    for part, found in _PARTS.items():
        for name, value in found(config):
            yield f"{part}: {name}", value


def _teacher(config: RunConfig) -> Settings:
    if config.train.kind != "none":
        yield "model", _teacher_text(config.teacher)


def _teacher_text(teacher: TeacherConfig) -> str:
    match teacher:
        case DenseTeacher():
            return f"{teacher.name}, {teacher.precision}"
        case Bm25Teacher():
            return f"bm25, k1 {teacher.k1:g}, b {teacher.b:g}"
        case RerankerTeacher():
            first = _teacher_text(teacher.first_stage)
            return f"{teacher.name}, {teacher.activation}, {teacher.precision}, over {first}"
        case EnsembleTeacher():
            kept = "" if teacher.deduplicate else ", repeats kept"
            return f"{teacher.combine}{kept} of {'; '.join(map(_teacher_text, teacher.members))}"
    return teacher.name


def _student(config: RunConfig) -> Settings:
    if config.until == "mine":
        return
    student = config.student
    yield "model", student.name
    base = student.base if isinstance(student, DistilledStudent) else student
    if isinstance(base, ModelStudent):
        yield "layers", "all" if base.layers is None else _listed(base.layers)
    if isinstance(student, DistilledStudent):
        yield "fitted to", _teacher_text(student.teacher)
        yield "fitted for", f"epochs {student.epochs:g}, batch {student.batch_size}, rate {student.learning_rate:g}"


def _training(config: RunConfig) -> Settings:
    train = config.train
    if isinstance(train, NoTraining) or config.until == "mine":
        return
    yield "loss", train.kind
    if isinstance(train, InfoNCE):
        yield "in-batch negatives", _yes(train.in_batch)
        yield from _choices(train)
    yield "steps", str(train.steps)
    yield "batch", str(train.batch_size)
    yield "learning rate", f"{train.learning_rate:g}"
    if not isinstance(train, MarginMSE):
        yield "temperature", f"{train.temperature:g}"
    yield from _distillation(train)
    yield "query and passage length", _lengths(train.query_length, train.passage_length)
    yield "dropout", OWN if train.dropout is None else f"{train.dropout:g}"
    yield "frozen token embeddings", _yes(train.freeze_token_embeddings)
    yield "precision", train.precision


def _choices(train: InfoNCE) -> Settings:
    yield "in-batch mask", _mask_text(train.mask)
    scope = f", scope {train.hardness_scope}" if train.hardness > 0.0 else ""
    yield "hardness weight", f"{train.hardness:g}{scope}"


def _mask_text(mask: MaskConfig) -> str:
    match mask:
        case GuideMask():
            return f"guide {_teacher_text(mask.teacher)}, {mask.strategy} margin {mask.margin:g}, scope {mask.scope}"
        case SelfMask():
            return f"self, margin {mask.margin:g}, scope {mask.scope}"
    return mask.kind.replace("_", " ")


def _distillation(train: InfoNCE | MarginMSE | DistillKL) -> Settings:
    match train:
        case MarginMSE():
            yield "scale of the cosine", f"{train.scale:g}"
        case DistillKL():
            yield "temperature of the teacher", f"{train.teacher_temperature:g}"


def _evaluation(config: RunConfig) -> Settings:
    if config.until == "mine":
        return
    yield "query and passage length", _lengths(config.evaluation.query_length, config.evaluation.passage_length)
    yield "precision", config.evaluation.precision


def _mining(config: RunConfig) -> Settings:
    if config.train.kind == "none":
        return
    mining = config.mining
    sampled = "" if mining.selection == "top" else f" from {mining.sample_from}"
    yield "negatives a row", str(mining.num_negatives)
    yield "depth", str(mining.depth)
    if not isinstance(config.data, MixtureData):
        yield "positive within", "any rank" if mining.positive_within is None else str(mining.positive_within)
    yield "selection", f"{mining.selection}{sampled}"
    yield "shortfall", mining.shortfall
    yield "anchor", mining.anchor


def _data(config: RunConfig) -> Settings:
    if not isinstance(config.data, MixtureData):
        yield "collection", config.data.name
        yield from _collection(config.data)
        return
    yield "collections", ", ".join(config.data.parts)
    yield "batches", config.data.batches.replace("_", " ")
    for name, part in config.data.parts.items():
        within = [] if part.positive_within is None else [("positive within", str(part.positive_within))]
        found = [*_collection(config.data.collections()[name]), *within]
        yield name, "; ".join(f"{what} {value}" for what, value in found)


def _collection(data: DataConfig) -> Settings:
    yield "positives", data.positives
    yield "training queries", "all" if data.train_queries is None else str(data.train_queries)
    yield "dev queries", str(data.dev_queries)
    if isinstance(data, DocstringsData):
        yield "passages", str(data.passages)
        yield "test queries", str(data.test_queries)
    else:
        yield "held-out queries", str(data.heldout_queries)
    yield "split seed", str(data.split_seed)


def _lengths(query: int | None, passage: int | None) -> str:
    if query is None and passage is None:
        return OWN
    return f"{query or OWN}, {passage or OWN}"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_PARTS: dict[str, Callable[[RunConfig], Settings]] = {
    "data": _data,
    "teacher": _teacher,
    "mining": _mining,
    "student": _student,
    "training": _training,
    "evaluation": _evaluation,
}
