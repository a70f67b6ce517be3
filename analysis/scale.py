"""The page of scale: what was measured on one machine (`make scale`), and what follows for millions of passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from analysis.formats import DASH, Table, markdown
from analysis.sources import Source
from experiments.measured import read_measured

FILE = "scale.json"
SIZES = (1_000_000, 10_000_000, 100_000_000)
DIMENSIONS = (384, 1024)
QUERIES, DEPTH = 100_000, 100
"""Of the arithmetic: training queries, and candidates of each."""
FLOAT32 = 4
FOUND = 8
"""Bytes of a candidate: position and score."""
LINKS = 32
"""Of a document in HNSW, twice as many on the lowest level, each a position of 4 bytes."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(_Value):
    """What a part was measured on."""

    processor: str
    threads: int


class Stage(_Value):
    """Peak memory in MiB while it ran: the process's own, and pages of files that it has mapped."""

    stage: str
    own_mb: float
    mapped_mb: float


class Memory(_Value):
    """Embed and retrieve over synthetic passages of so many words."""

    passages: int
    words: int
    queries: int
    depth: int
    dimension: int
    shard: int
    stages: tuple[Stage, ...]
    machine: Machine


class Index(_Value):
    """An approximate index: core seconds, recall of the exact search's candidates and of the best `top` of them."""

    index: str
    setting: str
    build_seconds: float
    search_seconds: float
    recall: float
    recall_top: float


class Search(_Value):
    """Exact and approximate search of the same vectors, in core seconds.

    encoded_per_second: passages that a core encodes, None = they are not encoded.
    """

    vectors: str
    passages: int
    dimension: int
    queries: int
    depth: int
    top: int
    encoded_per_second: float | None
    exact_seconds: float
    indexes: tuple[Index, ...]
    machine: Machine

    @property
    def rate(self) -> float:
        """Products of two numbers that the exact search made in a second, everything counted."""
        return self.passages * self.queries * self.dimension / self.exact_seconds

    @property
    def widest(self) -> Index:
        """IVF where it searches most lists."""
        return [one for one in self.indexes if one.index == "IVF"][-1]


class Scale(_Value):
    """All that `python -m tests.scale` measures."""

    memory: Memory
    real: Search
    synthetic: Search


def scale_pages(source: Source) -> dict[Path, bytes]:
    """README.md of the measurements, where there are any, and what it should hold."""
    path = source.root / "scale" / FILE
    return {path.with_name("README.md"): scale_page(read_scale(path)).encode()} if path.is_file() else {}


def read_scale(path: Path) -> Scale:
    """The measurements. Raises UserError for a file of another form."""
    return read_measured(path, Scale, command="make scale")


def scale_page(scale: Scale) -> str:
    """The measurements and the arithmetic as Markdown."""
    return "\n".join(
        [
            "# Millions of passages",
            "",
            "How corpora are cut into shards, and who works on them, stands in "
            "[experiments/SCALE.md](../../experiments/SCALE.md). `make scale` measures again.",
            "",
            *_memory(scale.memory),
            *_recall(scale),
            *_arithmetic(scale),
        ]
    )


def _memory(trial: Memory) -> list[str]:
    header = ("stage", "memory of its own, MiB", "pages of mapped files, MiB")
    rows = tuple((one.stage, f"{one.own_mb:,.0f}", f"{one.mapped_mb:,.0f}") for one in trial.stages)
    vectors = trial.passages * trial.dimension * FLOAT32
    return [
        "## Memory, measured",
        "",
        f"{trial.passages:,} **synthetic** passages of {trial.words} random words and {trial.queries:,} queries went "
        f"through the stages embed and retrieve in one process (depth {trial.depth}, `execution.shard={trial.shard}`, "
        f"{_machine(trial.machine)}). The encoder averages MiniLM's token embeddings, {trial.dimension} dimensions; a "
        f"larger model adds its weights and activations. The vectors take {_bytes(vectors)} on the disk. Peaks:",
        "",
        markdown(Table(header, rows, left=1)),
        "Pages of mapped files are the system's to take back when memory is short. These texts are held in memory: "
        "with all libraries they are the first row.",
        "",
    ]


def _recall(scale: Scale) -> list[str]:
    header = (
        "vectors",
        "index",
        "setting",
        f"recall of the {scale.real.depth} candidates",
        f"of the best {scale.real.top}",
        "core ms a query",
        "core s to build",
    )
    rows = tuple(row for search in (scale.real, scale.synthetic) for row in _rows(search))
    return [
        "## Approximate search, measured",
        "",
        f"Recall is the share of the {scale.real.depth} candidates of the exact search that an index returns among as "
        f"many; negatives come from the first of them, hence the column for the best {scale.real.top}. "
        f"{_described(scale.real)} {_described(scale.synthetic)} Vectors around random centres are easy to "
        "part into lists: they are no collection, and their recall is no forecast for one.",
        "",
        markdown(Table(header, rows, left=3)),
        "The stage retrieve searches exactly and offers neither index: what a lost candidate would change in the rows "
        "that are mined has not been measured.",
        "",
    ]


def _rows(search: Search) -> list[tuple[str, ...]]:
    name = f"{search.passages:,}: {search.vectors}"
    exact = (name, "exact", "", "1", "1", _milliseconds(search.exact_seconds, search.queries), "")
    return [
        exact,
        *(
            (
                name,
                one.index,
                one.setting,
                f"{one.recall:.3f}",
                f"{one.recall_top:.3f}",
                _milliseconds(one.search_seconds, search.queries),
                f"{one.build_seconds:.0f}",
            )
            for one in search.indexes
        ),
    ]


def _arithmetic(scale: Scale) -> list[str]:
    header = (
        "passages",
        "dimensions",
        "vectors",
        "disk while embed ends",
        "HNSW in memory",
        f"exact search of {QUERIES:,} queries, core hours",
        f"by IVF at that share of lists ({scale.synthetic.widest.setting})",
        "encoding, core hours",
    )
    rows = tuple(_size(scale, passages, dimension) for dimension in DIMENSIONS for passages in SIZES)
    kept = QUERIES * DEPTH * FOUND
    shard = scale.memory.shard
    return [
        "## Arithmetic",
        "",
        f"From the rates above: a core makes {scale.synthetic.rate / 1e9:.1f} billion products of two numbers a second "
        "in the exact search of the synthetic vectors (scoring candidates anew in float64 and sorting them included), "
        f"and encodes {_speed(scale.real)} passages a second of {scale.real.vectors}, in bf16. The column for encoding "
        "is that model's, whatever the dimension: larger models take longer. No GPU was measured here.",
        "",
        markdown(Table(header, rows, left=0)),
        "- **Disk.** Shards lie beside the artifact until it is whole, so embed needs twice its vectors for a moment; "
        f"the candidates that one shard gives take {_bytes(kept)} until retrieve ends.",
        f"- **Memory of embed**: a shard ({_bytes(shard * 1024 * FLOAT32)} at {shard:,} x 1024), twice while it is put "
        "into the corpus's order, and one in each worker of Ray; lengths and order, 16 bytes a passage.",
        "- **Memory of retrieve**: one process holds 256 MiB of documents at a time (1 GiB on a GPU), a worker of Ray "
        "a shard; faiss copies them once, the search in bf16 takes half as much and up to 512 MiB for products. "
        f"Queries take {_bytes(QUERIES * 1024 * FLOAT32)} (1024 dimensions), candidates {_bytes(kept)}.",
        "- **Texts** of a folder in BEIR form are mapped from a file in the store (from 64 MB on), as large as they "
        f"are, beside 24 bytes a passage: {_bytes(SIZES[1] * 24)} for {SIZES[1]:,} and {_bytes(SIZES[2] * 24)} for "
        f"{SIZES[2]:,}, mapped too. While they are first read, ids are held in memory. Pairs, TREC files and the "
        "hub's collections are held in memory as a whole: at a kilobyte a passage "
        f"{_bytes(SIZES[1] * 1000)} for {SIZES[1]:,}.",
        "",
    ]


def _size(scale: Scale, passages: int, dimension: int) -> tuple[str, ...]:
    vectors = passages * dimension * FLOAT32
    exact = passages * QUERIES * dimension / scale.synthetic.rate / 3600
    return (
        f"{passages:,}",
        str(dimension),
        _bytes(vectors),
        _bytes(2 * vectors),
        _bytes(vectors + passages * 2 * LINKS * FLOAT32),
        _number(exact),
        _number(exact * scale.synthetic.widest.search_seconds / scale.synthetic.exact_seconds),
        _number(passages / scale.real.encoded_per_second / 3600) if scale.real.encoded_per_second else DASH,
    )


def _described(search: Search) -> str:
    return (
        f"{search.passages:,} vectors of {search.dimension} dimensions ({search.vectors}) were searched for "
        f"{search.queries:,} queries on {_machine(search.machine)}."
    )


def _speed(search: Search) -> str:
    return f"{search.encoded_per_second:.0f}" if search.encoded_per_second else DASH


def _machine(machine: Machine) -> str:
    return f"{machine.threads} thread{'s' if machine.threads > 1 else ''} of {machine.processor}"


def _milliseconds(seconds: float, queries: int) -> str:
    return f"{1000 * seconds / queries:.2f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _bytes(count: float) -> str:
    units: Sequence[str] = ("B", "kB", "MB", "GB", "TB")
    step = 0
    while count >= 1000 and step < len(units) - 1:
        count, step = count / 1000, step + 1
    return f"{count:.3g} {units[step]}"
