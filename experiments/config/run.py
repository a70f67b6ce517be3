"""One run as a value: everything that can change a number, and its name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from experiments.config.miners import MinerConfig
from experiments.config.mining import MiningConfig, check_hidden, check_miner, check_teacher
from experiments.config.mixture import MixtureData, RunData, check_mixed, collections_of, mining_of
from experiments.config.students import StudentConfig
from experiments.config.teachers import TeacherConfig
from experiments.config.training import EvaluationConfig, TrainConfig, check_student
from experiments.config.value import Size, Value
from experiments.identity import digest, identity_payload


class RunConfig(Value):
    """Everything that can change a number. `seed` is the repeat of the experiment; `data.split_seed` fixes the splits.

    until: "mine" stops after mining: no student is built (audits and threshold layouts).
    """

    data: RunData
    teacher: TeacherConfig
    miner: MinerConfig
    mining: MiningConfig = MiningConfig()
    student: StudentConfig
    train: TrainConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    seed: Size = 0
    until: Annotated[Literal["evaluate", "mine"], Field(json_schema_extra={"neutral": "evaluate"})] = "evaluate"

    @model_validator(mode="after")
    def _something_is_mined(self) -> RunConfig:
        if self.train.kind == "none" and self.until == "mine":
            raise ValueError("until=mine mines training rows, but train=none has none: drop one of the two")
        return self

    @model_validator(mode="after")
    def _something_is_measured(self) -> RunConfig:
        asked = self.evaluation
        others = {*asked.collections} - {self.data.name, *collections_of(self.data)}
        if self.until == "evaluate" and not (asked.splits or asked.tasks or others):
            raise ValueError(
                "evaluation.splits=[] leaves nothing to measure: name a split (test, dev, heldout), another collection "
                "in evaluation.collections, or a task in evaluation.tasks"
            )
        return self

    @model_validator(mode="after")
    def _leaks_can_be_removed(self) -> RunConfig:
        tasks = self.evaluation.tasks if self.until == "evaluate" and self.train.kind != "none" else ()
        if self.data.leak.action == "remove" and tasks:
            raise ValueError(
                f"data.leak.action=remove cannot take out what mteb's own tasks ask ({', '.join(tasks)}): name the "
                "collections in evaluation.collections instead, or use warn or error"
            )
        return self

    @model_validator(mode="after")
    def _mining_makes_sense(self) -> RunConfig:
        check_miner(self.miner, self.mining)
        check_teacher(self.teacher, self.miner, self.mining)
        if not isinstance(self.data, MixtureData):
            check_hidden(self.data, self.miner, self.mining)
            return self
        check_mixed(self.data, self.mining)
        for name in self.data.parts:
            try:
                self.part(name)
            except ValidationError as error:
                raise ValueError(f"part {name}: {error.errors(include_url=False)[0]['ctx']['error']}") from error
        return self

    @model_validator(mode="after")
    def _student_can_be_trained_so(self) -> RunConfig:
        if self.until == "evaluate":
            check_student(self.student, self.train)
        return self

    def part(self, name: str) -> RunConfig:
        """The run that trains on this part of the mixture alone, under the part's own settings.

        Its mining is this run's, inside the part. Of a run on one collection it is the run itself.
        """
        if not isinstance(self.data, MixtureData):
            return self
        given = {field: getattr(self, field) for field in type(self).model_fields if field != "evaluation"}
        mining = mining_of(self.data.parts[name], self.mining)
        return RunConfig(**{**given, "data": collections_of(self.data)[name], "mining": mining})

    @property
    def run_id(self) -> str:
        """The name of the run: folder, W&B id and record."""
        return run_id(self)


def run_id(config: RunConfig) -> str:
    """Digest of the full typed config, defaults included; a mining-only run is named without its student half."""
    return digest(run_identity(config))


def run_identity(config: RunConfig) -> dict[str, Any]:
    """What `run_id` is the digest of."""
    payload = identity_payload(config)
    if config.until == "mine":
        for unused in ("student", "train", "evaluation"):
            payload.pop(unused, None)
    return payload
