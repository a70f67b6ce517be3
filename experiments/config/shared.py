"""What a run makes that other runs may need as well: a teacher's encoding of a collection, a distilled base."""

from __future__ import annotations

from experiments.config.masks import GuideMask
from experiments.config.mining import MiningConfig
from experiments.config.mixture import collections_of
from experiments.config.models import RandomTeacher
from experiments.config.run import RunConfig
from experiments.config.students import DistilledStudent
from experiments.config.teachers import EnsembleTeacher, TeacherConfig
from experiments.config.training import InfoNCE
from experiments.identity import digest


def rankings_of(config: RunConfig) -> list[tuple[TeacherConfig, MiningConfig]]:
    """The teachers that rank for a run on one collection, each with the settings that it ranks under."""
    others = [(other.teacher, other.under(config.mining)) for other in config.mining.common_with]
    return [(config.teacher, config.mining), *others]


def shared_work(config: RunConfig) -> frozenset[str]:
    """A name for each piece; runs that make the same one share its name. Depths may differ, encodings do not."""
    names = set[str]()
    if config.train.kind != "none":
        for name in collections_of(config.data):
            part = config.part(name)
            teachers = [one for teacher, _ in rankings_of(part) for one in _members(teacher)]
            names |= {digest([part.data, one]) for one in teachers if not isinstance(one, RandomTeacher)}
    if isinstance(config.train, InfoNCE) and isinstance(config.train.mask, GuideMask):
        names.add(digest([config.data, config.train.mask.teacher]))
    if isinstance(config.student, DistilledStudent) and config.until == "evaluate":
        names.add(digest([config.data, config.student]))
    return frozenset(names)


def _members(teacher: TeacherConfig) -> tuple[TeacherConfig, ...]:
    return teacher.members if isinstance(teacher, EnsembleTeacher) else (teacher,)
