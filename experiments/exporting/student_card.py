"""The model card of an exported student: its base, data, negatives, training and measures, from the run's record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from experiments.config import BaseStudent
from experiments.exporting.card import front_matter, markdown, mining_of, origin, source_of, yaml_block
from experiments.exporting.student import Saved
from experiments.models.student import encoder_of
from experiments.records.schema import MEASURES, RunRecord
from experiments.studies.plan import read_plan

if TYPE_CHECKING:
    import pandas as pd

LICENCE = "Its licence follows from its base's and the collection's: add `license:` to the header before you share it."


def student_card(
    record: RunRecord,
    base: BaseStudent,
    saved: Saved,
    *,
    scores: pd.DataFrame | None,
    studies: Sequence[str],
    command: str,
) -> str:
    """Markdown with a YAML header. scores: per query. studies: the pages of the studies that the run belongs to."""
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
        _measures(record, scores, studies),
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


def studies_of(run_id: str, *, results: Path, store: Path) -> tuple[str, ...]:
    """The pages of the studies, published or of the store, whose tables hold this run."""
    places = {"results": results.glob("*/plan.json"), "store/studies": (store / "studies").glob("*/plan.json")}
    return tuple(
        f"{where}/{path.parent.name}/README.md"
        for where, paths in places.items()
        for path in sorted(paths)
        if any(run.run_id == run_id for run in read_plan(path).runs)
    )


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


def _measures(record: RunRecord, scores: pd.DataFrame | None, studies: Sequence[str]) -> str:
    rows = [
        (task, facts.queries, facts.documents, *(_measure(record, scores, task, name) for name in MEASURES))
        for task, facts in record.tasks.items()
    ]
    table = markdown(("task", "queries", "documents", *MEASURES), rows)
    seed = record.run_config().seed
    told = f"Intervals: 95% over the queries (Student's t); one run (seed {seed}) has none over seeds."
    if studies:
        told += f" The run belongs to a study whose page compares it: {', '.join(f'`{one}`' for one in studies)}."
    return f"{table}\n\n{told}"


def _measure(record: RunRecord, scores: pd.DataFrame | None, task: str, name: str) -> str:
    """`0.4123 [0.3811, 0.4435]`; without an interval where no scores of at least two queries are there."""
    mean = record.tasks[task].measures[name]
    values = np.empty(0) if scores is None else scores.loc[scores["task"] == task, name].to_numpy()
    if len(values) < 2:
        return f"{mean:.4f}"
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{mean:.4f} [{mean - half:.4f}, {mean + half:.4f}]"


def _training(record: RunRecord) -> str:
    config, facts = record.run_config(), record.training
    assert facts is not None
    settings = config.model_dump(mode="json", include={"train", "student", "seed"})
    told = (
        f"{facts.rows} rows, {facts.steps} steps ({facts.passes:.2f} passes); loss at the end {facts.final_loss:.4f}."
    )
    warned = " **Training collapsed: all texts get nearly one vector.**" if facts.collapsed else ""
    return f"{told}{warned}\n\n{yaml_block(settings)}"
