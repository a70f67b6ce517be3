"""The model card of an exported student: its base, data, negatives, training and measures, from the run's record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.config import BaseStudent
from experiments.exporting.card import front_matter, markdown, mining_of, origin, source_of, yaml_block
from experiments.exporting.student import Saved
from experiments.models.student import encoder_of
from experiments.records.schema import MEASURES, RunRecord
from experiments.studies.plan import read_plan

LICENCE = "Its licence follows from its base's and the collection's: add `license:` to the header before you share it."


def student_card(record: RunRecord, base: BaseStudent, saved: Saved, *, studies: Sequence[str], command: str) -> str:
    """Markdown with a YAML header. studies: the pages of published studies that the run belongs to."""
    config, encoder = record.run_config(), encoder_of(base)
    header: dict[str, Any] = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "feature-extraction", "hard-negatives"],
    }
    if encoder.source == "hub" and base.kind != "tiny":
        header["base_model"] = encoder.name
    notes = (*saved.notes, _checked(saved))
    blocks = [
        front_matter(header),
        f"# {base.name}, fine-tuned on {config.data.name} with negatives by {config.miner.kind}",
        _usage(record, encoder.query_prompt, encoder.document_prompt),
        "\n".join(f"- {note}" for note in notes),
        LICENCE,
        "## Measures",
        _measures(record, studies),
        "## Data",
        source_of(record, config),
        "## Negatives",
        mining_of(config, record),
        "## Training",
        _training(record),
        "## Made by",
        origin(record, command),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def studies_of(run_id: str, results: Path) -> tuple[str, ...]:
    """The pages of the published studies whose tables hold this run."""
    return tuple(_pages(run_id, results))


def _pages(run_id: str, results: Path) -> Iterator[str]:
    for path in sorted(results.glob("*/plan.json")):
        if any(run.run_id == run_id for run in read_plan(path).runs):
            yield f"results/{path.parent.name}/README.md"


def _usage(record: RunRecord, query: str, document: str) -> str:
    reading = record.run_config().evaluation
    lines = (
        "```python",
        "from sentence_transformers import SentenceTransformer",
        'model = SentenceTransformer("FOLDER")',
        "queries, passages = model.encode_query([...]), model.encode_document([...])",
        "```",
    )
    lengths = {"queries": reading.query_length, "passages": reading.passage_length}
    cut = ", ".join(
        f"{what} at {length} tokens" if length else f"{what} at the model's own limit"
        for what, length in lengths.items()
    )
    told = f"Prompts: `{query!r}` before queries, `{document!r}` before passages. Texts are cut, {cut}."
    return "\n".join(lines) + "\n\n" + told


def _checked(saved: Saved) -> str:
    if saved.difference == 0.0:
        return "loaded again, it gives the same vectors as the measured student, to the last bit in fp32"
    return f"loaded again, its vectors differ from the measured student's by at most {saved.difference:.1e}"


def _measures(record: RunRecord, studies: Sequence[str]) -> str:
    rows = [
        (task, facts.queries, facts.documents, *(f"{facts.measures[measure]:.4f}" for measure in MEASURES))
        for task, facts in record.tasks.items()
    ]
    table = markdown(("task", "queries", "documents", *MEASURES), rows)
    told = f"These are the figures of one run (seed {record.run_config().seed}), so they have no interval over seeds."
    if studies:
        told += f" The run belongs to a study whose page has intervals: {', '.join(f'`{one}`' for one in studies)}."
    return f"{table}\n\n{told}"


def _training(record: RunRecord) -> str:
    config, facts = record.run_config(), record.training
    assert facts is not None
    settings = config.model_dump(mode="json", include={"train", "student", "seed"})
    told = (
        f"{facts.rows} rows, {facts.steps} steps ({facts.passes:.2f} passes); loss at the end {facts.final_loss:.4f}."
    )
    warned = " **Training collapsed: all texts get nearly one vector.**" if facts.collapsed else ""
    return f"{told}{warned}\n\n{yaml_block(settings)}"
