"""The config as a value: RunConfig is all that can change a number (execution.py holds what cannot).

Frozen pydantic models, ``extra="forbid"``, unions discriminated on `kind`. `conf/` holds the choices, the command room
parses them into these types once; everything behind that edge takes these values.
"""

from experiments.config.data import (
    BeirData,
    CarvedData,
    DataConfig,
    DocstringsData,
    SplitShares,
)
from experiments.config.masks import (
    GuideMask,
    KnownPositivesMask,
    MaskConfig,
    NoMask,
    SelfMask,
)
from experiments.config.mining import (
    CommonWith,
    MinerConfig,
    MiningConfig,
    NaiveTopK,
    RandomMiner,
    TopKAbs,
    TopKMarginPos,
    TopKPercPos,
    TopKQuantile,
    TopKShifted,
)
from experiments.config.models import (
    Bm25Teacher,
    DenseTeacher,
    DistilledStudent,
    Encoder,
    LowRankAdapter,
    ModelStudent,
    RandomTeacher,
    StudentConfig,
    TeacherConfig,
    TinyStudent,
    encoders_in,
)
from experiments.config.run import (
    RunConfig,
    run_id,
    run_identity,
)
from experiments.config.training import (
    DistillKL,
    EvaluationConfig,
    InfoNCE,
    MarginMSE,
    NoTraining,
    TrainConfig,
    Training,
)
from experiments.config.value import (
    Count,
    Fraction,
    Pooling,
    Precision,
    Size,
    Value,
)

__all__ = [
    "BeirData",
    "Bm25Teacher",
    "CarvedData",
    "CommonWith",
    "Count",
    "DataConfig",
    "DenseTeacher",
    "DistillKL",
    "DistilledStudent",
    "DocstringsData",
    "Encoder",
    "EvaluationConfig",
    "Fraction",
    "GuideMask",
    "InfoNCE",
    "KnownPositivesMask",
    "LowRankAdapter",
    "MarginMSE",
    "MaskConfig",
    "MinerConfig",
    "MiningConfig",
    "ModelStudent",
    "NaiveTopK",
    "NoMask",
    "NoTraining",
    "Pooling",
    "Precision",
    "RandomMiner",
    "RandomTeacher",
    "RunConfig",
    "SelfMask",
    "Size",
    "SplitShares",
    "StudentConfig",
    "TeacherConfig",
    "TinyStudent",
    "TopKAbs",
    "TopKMarginPos",
    "TopKPercPos",
    "TopKQuantile",
    "TopKShifted",
    "TrainConfig",
    "Training",
    "Value",
    "encoders_in",
    "run_id",
    "run_identity",
]
