"""The cards (README.md) of what is exported: what it is, where it comes from, how it was made, from the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from experiments.config import RunConfig, collections_of
from experiments.entry import shell
from experiments.exporting.formats import Written
from experiments.exporting.negatives import DESCRIBED, teacher_names
from experiments.records.schema import RunRecord
from experiments.stages.finished import Finished

LICENCE = (
    "The texts are those of the source collection, and so is their licence: add `license:` to the header before you "
    "share this."
)
READING = "https://arxiv.org/abs/2407.15831"


def dataset_card(found: Finished, name: str, written: Written, *, command: str) -> str:
    """Of mined rows in the format `name`. command: what has made it."""
    config, record = found.config, found.record
    header = {"tags": ["sentence-transformers", "hard-negatives", name], "task_categories": ["text-retrieval"]}
    told = [f"- {note}" for note in (*written.notes, *_anew(found))]
    columns = [f"- `{column}`: {text}" for column, text in DESCRIBED.items() if column != "part" or found.parts]
    blocks = [
        front_matter(header),
        f"# Hard negatives of {config.data.name}, mined by {config.miner.kind}: {name}",
        f"{written.rows} rows; columns {', '.join(f'`{one}`' for one in written.columns)}. Read it with "
        f"`{written.load}`.",
        "\n".join(f"- `{file}`: {what}" for file, what in written.files.items()),
        "## Source",
        source_of(record, config),
        LICENCE,
        "## Mining",
        mining_of(config, record),
        "\n".join(told),
        "## The table of negatives",
        "\n".join(columns),
        "## Made by",
        origin(record, command),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def front_matter(values: Mapping[str, Any]) -> str:
    """The card's YAML header."""
    return f"---\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}---"


def source_of(record: RunRecord, config: RunConfig) -> str:
    """The collections that the run trains on, with counts and content hashes."""
    facts = {name: record.collections[name] for name in collections_of(config.data)}
    rows = [
        (name, one.documents, one.queries.get("train", 0), f"`{one.content_hash[:16]}`") for name, one in facts.items()
    ]
    return markdown(("collection", "documents", "training queries", "content (sha256)"), rows)


def mining_of(config: RunConfig, record: RunRecord) -> str:
    """Teacher, method, bar and settings as YAML, and what came of it as a table."""
    asked = config.model_dump(mode="json", include={"miner", "mining", "seed"})
    asked["mining"].pop("common_with", None)
    settings = {"teacher": list(teacher_names(config.teacher)), **asked}
    facts = record.mining
    assert facts is not None
    rate = f"{facts.known_false / facts.mined:.1%}" if facts.mined else "-"
    rows = [
        ("training rows before mining", facts.rows),
        ("kept", facts.kept),
        ("negatives", facts.mined),
        ("known false negatives", f"{facts.known_false} ({rate})"),
        ("mean rank", _shown(facts.mean_rank)),
        ("mean score of the positive", _shown(facts.mean_positive_score)),
        ("mean score of a negative", _shown(facts.mean_negative_score)),
    ]
    told = (
        "A candidate is kept where its teacher score lies strictly below the bar that the method sets (NV-Retriever, "
        f"{READING}). Known false negatives are those that the source judges relevant but the run has hidden, or exact "
        "copies of such: what nobody has judged is not counted."
    )
    return f"{yaml_block(settings)}\n\n{told}\n\n{markdown(('what', 'count'), rows)}"


def yaml_block(values: Mapping[str, Any]) -> str:
    """Settings, as they stand in the run's config."""
    return f"```yaml\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}```"


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def origin(record: RunRecord, command: str) -> str:
    """The run's name and command, and that of the export."""
    lines = [f"- run `{record.run_id}`"]
    if record.provenance is not None:
        run = _command(record.provenance.argv)
        at = f", commit `{record.provenance.commit[:12]}`" if record.provenance.commit else ""
        lines.append(f"- run by `{run}`, finished {record.provenance.finished}{at}")
    return "\n".join([*lines, f"- exported by `{command}`"])


def _command(argv: Sequence[str]) -> str:
    """A recorded command line as it is typed: the program as a module, without what a launcher has filled in."""
    program, *given = argv or ("",)
    module = ["python", "-m", f"experiments.{program.removesuffix('.py')}"] if program.endswith(".py") else [program]
    return shell([*module, *(text for text in given if not text.startswith("run_name="))])


def _anew(found: Finished) -> list[str]:
    if not found.anew:
        return []
    same = found.mined.facts == found.record.mining
    what = "give the counts of the run's record" if same else "do not give the very figures of the run's record"
    return [f"the store did not hold the run's rows: they were mined anew, and {what}"]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
