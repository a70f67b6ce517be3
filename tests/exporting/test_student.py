"""An exported student is what was measured: loaded by its path alone, its vectors are those of evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats
from sentence_transformers import SentenceTransformer

from experiments import export, pipeline
from experiments.collections.load import load_as_trained
from experiments.config import EvaluationConfig, InfoNCE, LowRankAdapter, ModelStudent, TinyStudent
from experiments.evaluation.reading import Reading
from experiments.evaluation.student import load_student
from experiments.models.weights import folder_revision
from experiments.records.schema import RunRecord
from tests.helpers.checkpoints import mistral_folder
from tests.helpers.exports import READ, execution_in, finish

STATIC = ModelStudent(name="static", source="embedded_static", query_prompt="ask: ")
PROMPTED = TinyStudent(query_prompt="query: ", document_prompt="passage: ")


def exported(record: RunRecord, root: Path, out: Path, *arguments: str) -> SentenceTransformer:
    command = [record.run_id, "--student", "--store", str(root / "store"), "--device", "cpu", "--out", str(out)]
    assert export.main([*command, *arguments]) == 0
    return SentenceTransformer(str(out), device="cpu", local_files_only=True)


def texts(record: RunRecord, root: Path) -> tuple[list[str], list[str]]:
    """Queries and passages of the collection, and some beyond every length of reading."""
    execution = execution_in(root)
    (own,) = load_as_trained(record.run_config(), execution=execution, cache=execution.store / "c").values()
    long = " ".join(own.corpus.passages[:20])
    return [*own.splits["test"].queries.texts, long], [*own.corpus.passages[:20], long]


def measured(record: RunRecord, root: Path) -> SentenceTransformer:
    """The student as evaluation reads it from the store."""
    execution, asked = execution_in(root), record.run_config().evaluation
    found = pipeline.trained_student(record.run_id, execution=execution)
    reading = Reading(asked.query_length, asked.passage_length, "fp32")
    return load_student(found.student, reading=reading, trained=found.folder, fitted=None, execution=execution)


def vectors(model: SentenceTransformer, queries: list[str], passages: list[str]) -> np.ndarray[Any, Any]:
    return np.concatenate([model.encode_query(queries), model.encode_document(passages)])


@pytest.mark.parametrize(
    ("student", "reading"),
    [
        (PROMPTED, {"query_length": 12, "passage_length": 40}),
        (TinyStudent(), {}),
        (STATIC, {"query_length": 16, "passage_length": 16}),
        (STATIC, {}),
    ],
    ids=["prompts and two lengths", "no lengths", "static at one length", "static whole"],
)
def test_loaded_by_its_path_it_gives_the_vectors_of_evaluation(
    tmp_path: Path, student: Any, reading: dict[str, int]
) -> None:
    record = finish(tmp_path, student=student, evaluation=EvaluationConfig(**reading))
    found = exported(record, tmp_path, tmp_path / "out")
    asked = texts(record, tmp_path)
    np.testing.assert_array_equal(vectors(found, *asked), vectors(measured(record, tmp_path), *asked))
    for path in (tmp_path / "out").rglob("*.json"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_the_card_holds_the_figures_of_the_record(tmp_path: Path) -> None:
    record = finish(tmp_path, student=PROMPTED)
    exported(record, tmp_path, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    _, header, body = card.split("---\n", 2)
    assert yaml.safe_load(header)["library_name"] == "sentence-transformers"
    measures = record.tasks["toy/test"].measures
    for text in (record.run_id, f"{measures['nDCG@10']:.4f}", f"{measures['R@100']:.4f}", "'query: '", "naive_topk"):
        assert text in body
    assert "to the last bit" in body
    assert str(tmp_path) not in card
    (path,) = (tmp_path / "store" / "records" / record.run_id).glob("*.parquet")
    values = pd.read_parquet(path)["nDCG@10"]
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    assert f"{measures['nDCG@10']:.4f} [{low:.4f}, {high:.4f}]" in body


def mistral(root: Path, **changes: Any) -> ModelStudent:
    folder = mistral_folder(root / "small_mistral")
    return ModelStudent(
        name=folder.name,
        source="folder",
        revision=folder_revision(folder),
        pooling="mean",
        query_prompt="Given a question, find the passage: ",
        **changes,
    )


def test_an_adapter_is_merged_into_its_base_and_prompts_stay_out_of_the_pooling(tmp_path: Path) -> None:
    student = mistral(
        tmp_path,
        attention_direction="bidirectional",
        pool_prompt=False,
        adapter=LowRankAdapter(r=4, alpha=8.0, dropout=0.0, targets=("q_proj", "up_proj"), base_precision="fp32"),
    )
    execution = execution_in(tmp_path).model_copy(update={"model_paths": {student.name: tmp_path / student.name}})
    finish_with = finish_config(tmp_path, student)
    record = pipeline.run(finish_with, execution)
    found = exported(record, tmp_path, tmp_path / "out", "--model-path", str(tmp_path / student.name))
    trained = pipeline.trained_student(record.run_id, execution=execution)
    expected = load_student(
        trained.student, reading=Reading(16, 32, "fp32"), trained=trained.folder, fitted=None, execution=execution
    )
    base = load_student(
        trained.student, reading=Reading(16, 32, "fp32"), trained=None, fitted=None, execution=execution
    )
    asked = texts(record, tmp_path)
    np.testing.assert_allclose(vectors(found, *asked), vectors(expected, *asked), atol=1e-5)
    assert np.abs(vectors(base, *asked) - vectors(expected, *asked)).max() > 1e-3
    assert not any("lora" in name for name, _ in found.named_parameters())
    assert "merged into its base" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def finish_config(root: Path, student: ModelStudent) -> Any:
    """A run of that student whose adapter moves."""
    from tests.helpers.beir import write_beir
    from tests.helpers.exports import make_config

    write_beir(root / "toy", documents=60, train=24, dev=0, test=8)
    return make_config(student=student, train=InfoNCE(steps=3, batch_size=8, learning_rate=0.01, **READ))


def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = finish(tmp_path, student=STATIC, evaluation=EvaluationConfig(query_length=8, passage_length=16))
    mined = finish(tmp_path, until="mine")
    for record, line in ((two, "a static model saves one length"), (mined, "stops after mining, so it has no student")):
        command = [record.run_id, "--student", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
        assert export.main(command) == 2
        shown = capsys.readouterr().err
        assert line in shown
        assert shown.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "toy"]
