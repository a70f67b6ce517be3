"""Evaluation: figures equal mteb's, prompts and lengths arrive, no two students share a score."""

from __future__ import annotations

from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pandas as pd
import pytest
import torch
from mteb.models import SearchEncoderWrapper
from sentence_transformers import SentenceTransformer

from experiments import contents
from experiments.collections import storing
from experiments.collections.stored import Document
from experiments.config import EvaluationConfig, InfoNCE, NoTraining, RunConfig, TinyStudent
from experiments.errors import UserError
from experiments.evaluation.mteb_task import local_task, search
from experiments.evaluation.named_encoder import NamedEncoder
from experiments.evaluation.reading import Cut, Reading, cut_of, prompted_lengths, reading_of
from experiments.evaluation.run_file import read_run
from experiments.ir import Qrels
from experiments.models.lengths import set_lengths
from experiments.models.student import build_student, student_key
from experiments.records.facts import TaskScores
from experiments.records.schema import MEASURES, PER_QUERY_COLUMNS
from experiments.stages.evaluate import EvaluationTarget, evaluate
from experiments.stages.train import train
from experiments.store import Artifact, Store
from tests.helpers.toy import toy_collection, toy_config, toy_execution, toy_negatives

COLLECTION = toy_collection(positives=3)
TARGET = EvaluationTarget("toy/test", COLLECTION.corpus, COLLECTION.splits["test"])


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def run_evaluate(
    root: Path, config: RunConfig | None = None, targets: tuple[EvaluationTarget, ...] = (TARGET,)
) -> tuple[dict[str, TaskScores], pd.DataFrame, list[Artifact]]:
    config = config or toy_config(train=NoTraining())
    execution = toy_execution(root)
    return evaluate(
        config=config,
        student=None,
        fitted=None,
        student_key=student_key(config.student),
        targets=targets,
        store=Store(execution.store),
        execution=execution,
    )


def test_the_run_is_exact_search_and_the_mean_is_mteb_s_figure(tmp_path: Path) -> None:
    scores, per_query, (artifact,) = run_evaluate(tmp_path)
    assert tuple(per_query.columns) == PER_QUERY_COLUMNS
    assert scores["toy/test"].queries == len(per_query) == 24
    assert scores["toy/test"].documents == 60
    for measure in MEASURES:
        assert per_query[measure].mean() == pytest.approx(scores["toy/test"].measures[measure], abs=1e-12)
    assert scores["toy/test"].mteb == pytest.approx(scores["toy/test"].measures["nDCG@10"], abs=5.1e-6)
    model = build_student(TinyStudent(), execution=toy_execution(tmp_path))
    queries = model.encode_query(list(TARGET.split.queries.texts), show_progress_bar=False)
    documents = model.encode_document(list(TARGET.corpus.passages), show_progress_bar=False)
    run = read_run(artifact.path / "run.parquet")
    for i, query in enumerate(TARGET.split.queries.ids):
        expected = dict(zip(TARGET.corpus.ids, (documents @ queries[i]).tolist(), strict=True))
        assert run[query] == pytest.approx(expected, abs=1e-5)


def test_a_corpus_that_is_mapped_is_measured_as_one_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "LEAST", 0)
    monkeypatch.setattr(storing, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    plain = replace(TARGET.corpus, titles=tuple(f" A title {i}" if i % 3 else "" for i in range(len(TARGET.corpus))))
    rows = [Document(*row, "") for row in zip(plain.ids, plain.titles, plain.texts, strict=True)]
    (tmp_path / "corpus.jsonl").touch()
    mapped = storing.stored_corpus(tmp_path / "corpus.jsonl", lambda: rows, parents="query", cache=tmp_path / "cache")
    assert mapped is not None
    runs = []
    for corpus in (mapped, plain):
        task = local_task(replace(TARGET, corpus=corpus))
        runs.append(
            search(
                task,
                NamedEncoder(build_student(TinyStudent(), execution=toy_execution(tmp_path)), key="tiny"),
                batch_size=8,
            )
        )
        assert task.dataset["default"]["test"]["corpus"].to_dict() == {
            "id": list(plain.ids),
            "title": list(plain.titles),
            "text": list(plain.texts),
        }
    assert runs[0] == runs[1]
    assert (
        runs[0].run
        != search(
            local_task(TARGET),
            NamedEncoder(build_student(TinyStudent(), execution=toy_execution(tmp_path)), key="x"),
            batch_size=8,
        ).run
    )


def test_two_random_students_do_not_share_a_score(tmp_path: Path) -> None:
    first, _, (one,) = run_evaluate(tmp_path, toy_config(train=NoTraining(), student=TinyStudent(seed=0)))
    second, _, (two,) = run_evaluate(tmp_path, toy_config(train=NoTraining(), student=TinyStudent(seed=1)))
    assert one.key != two.key
    assert two.made
    assert first["toy/test"].measures != second["toy/test"].measures


def test_mteb_s_own_cache_tells_two_students_apart(tmp_path: Path) -> None:
    cache = mteb.ResultCache(cache_path=tmp_path / "cache")
    figures = []
    for seed in (0, 1):
        student = TinyStudent(seed=seed)
        model = build_student(student, execution=toy_execution(tmp_path))
        encoder = NamedEncoder(model, key=student_key(student))
        result = mteb.evaluate(encoder, local_task(TARGET), cache=cache, co2_tracker=False, show_progress_bar=False)
        figures.append(result.task_results[0].get_score())
    assert figures[0] != figures[1]


def test_the_same_again_is_a_hit_and_what_matters_makes_another(tmp_path: Path) -> None:
    def key(config: RunConfig, target: EvaluationTarget = TARGET) -> str:
        _, _, (artifact,) = run_evaluate(tmp_path, config, (target,))
        return artifact.key

    base = toy_config(train=NoTraining())
    assert key(base) == key(base)
    cut = EvaluationConfig(query_length=8, passage_length=10)
    other = replace(COLLECTION.splits["test"], qrels=COLLECTION.splits["dev"].qrels)
    fewer = replace(other, qrels=Qrels.build(query=[0, 1], document=[0, 1], grade=[1, 1]))
    keys = {
        key(base),
        key(base.model_copy(update={"evaluation": cut})),
        key(base.model_copy(update={"evaluation": EvaluationConfig(precision="bf16")})),
        key(base, replace(TARGET, split=fewer)),
        key(base, replace(TARGET, task="toy/dev")),
    }
    assert len(keys) == 5


def test_queries_without_judgments_are_left_out(tmp_path: Path) -> None:
    qrels = Qrels.build(query=[3, 5, 5], document=[3, 5, 6], grade=[1, 2, 1])
    target = replace(TARGET, split=replace(TARGET.split, qrels=qrels))
    scores, per_query, _ = run_evaluate(tmp_path, targets=(target,))
    assert per_query["query_id"].tolist() == ["test3", "test5"]
    assert scores["toy/test"].queries == 2


def test_prompts_and_lengths_reach_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers.sentence_transformer.modules import Transformer

    seen: list[tuple[str, int]] = []
    original = Transformer.preprocess

    def spy(self: Transformer, inputs: Any, prompt: str | None = None, **options: Any) -> Any:
        features = original(self, inputs, prompt=prompt, **options)
        if "task" in options:
            first = self.tokenizer.decode(features["input_ids"][0], skip_special_tokens=True)
            seen.append((" ".join(first.split()[:2]), features["input_ids"].shape[1]))
        return features

    monkeypatch.setattr(Transformer, "preprocess", spy)
    student = TinyStudent(query_prompt="query: ", document_prompt="passage: ")
    evaluation = EvaluationConfig(query_length=7, passage_length=11)
    run_evaluate(tmp_path, toy_config(train=NoTraining(), student=student, evaluation=evaluation))
    assert set(seen) == {("query :", 7), ("passage :", 11)}


def test_lengths_are_evaluation_s_alone() -> None:
    train = InfoNCE(query_length=12, passage_length=16)
    wider = EvaluationConfig(passage_length=128)
    for trained in (train, NoTraining()):
        assert reading_of(toy_config(train=trained)) == Reading(None, None, "fp32")
        assert reading_of(toy_config(train=trained, evaluation=wider)) == Reading(None, 128, "fp32")


def test_a_student_trained_by_nothing_reads_as_the_untrained_one(tmp_path: Path) -> None:
    """Trained at other lengths with a rate that moves no weight: its scores are the base's, to rounding."""
    base, _, _ = run_evaluate(tmp_path)
    config = toy_config(train=InfoNCE(steps=2, batch_size=8, learning_rate=1e-12, query_length=6, passage_length=8))
    execution = toy_execution(tmp_path)
    store = Store(execution.store)
    trained, _, artifact = train(
        config=config,
        collection=COLLECTION,
        negatives=toy_negatives(COLLECTION),
        fitted=None,
        store=store,
        execution=execution,
        on_log=lambda step, values: None,
    )
    scores, _, _ = evaluate(
        config=config,
        student=trained,
        fitted=None,
        student_key=artifact.key,
        targets=(TARGET,),
        store=store,
        execution=execution,
    )
    assert scores["toy/test"].measures == pytest.approx(base["toy/test"].measures, abs=1e-6)
    assert (scores["toy/test"].query_length, scores["toy/test"].passage_length) == (512, 512)


def test_lengths_and_what_they_cut_are_recorded(tmp_path: Path) -> None:
    student = TinyStudent(query_prompt="query: ", document_prompt="passage: ")
    evaluation = EvaluationConfig(query_length=9, passage_length=30)
    config = toy_config(train=NoTraining(), student=student, evaluation=evaluation)
    dev = EvaluationTarget("toy/dev", COLLECTION.corpus, COLLECTION.splits["dev"])
    scores, _, _ = run_evaluate(tmp_path, config, (TARGET, dev))
    tokenizer = build_student(student, execution=toy_execution(tmp_path)).tokenizer
    passages = [len(tokenizer.tokenize(f"passage: {text}")) + 2 for text in COLLECTION.corpus.passages]
    for task, target in (("toy/test", TARGET), ("toy/dev", dev)):
        queries = [len(tokenizer.tokenize(f"query: {text}")) + 2 for text in target.split.queries.texts]
        assert scores[task].query_length == 9
        assert scores[task].passage_length == 30
        assert scores[task].cut_queries == pytest.approx(np.mean(np.asarray(queries) > 9))
        assert scores[task].cut_passages == pytest.approx(np.mean(np.asarray(passages) > 30))
    assert 0 < scores["toy/test"].cut_passages < 1
    assert scores["toy/test"].cut_queries > 0


def test_a_text_that_just_fits_is_not_cut(tmp_path: Path) -> None:
    model = build_student(TinyStudent(query_prompt="query: "), execution=toy_execution(tmp_path))
    text = COLLECTION.corpus.passages[0]
    lengths = prompted_lengths(model, [text, "short"], "document")
    tokens = int(lengths[0])
    assert tokens == len(model.tokenizer.tokenize(text)) + 2
    assert prompted_lengths(model, [text], "query").tolist() == [tokens + 2]
    set_lengths(model, query=None, document=tokens)
    assert cut_of(model, lengths, "document") == Cut(tokens, cut=0, texts=2)
    assert cut_of(model, lengths, "query") == Cut(512, cut=0, texts=2)
    set_lengths(model, query=None, document=tokens - 1)
    found = cut_of(model, lengths, "document")
    assert found == Cut(tokens - 1, cut=1, texts=2)
    assert found.share == 0.5


def test_a_corpus_handed_over_in_parts_is_counted_whole(tmp_path: Path) -> None:
    assert mteb_in_parts(tmp_path / "parts", size=17) == mteb_in_parts(tmp_path / "whole", size=1000)


def mteb_in_parts(root: Path, *, size: int) -> Cut:
    student = TinyStudent()
    model = build_student(student, execution=toy_execution(root))
    set_lengths(model, query=None, document=30)
    encoder = NamedEncoder(model, key=student_key(student))
    with pytest.MonkeyPatch.context() as patch:
        in_parts = partialmethod(SearchEncoderWrapper.__init__, corpus_chunk_size=size)
        patch.setattr(SearchEncoderWrapper, "__init__", in_parts)
        return search(local_task(TARGET), encoder, batch_size=32).passages_cut


def test_the_batch_in_bf16_is_the_config_s_and_not_the_machine_s(tmp_path: Path) -> None:
    config = toy_config(train=NoTraining(), evaluation=EvaluationConfig(precision="bf16"))
    runs = []
    for size in (3, 32):
        execution = toy_execution(tmp_path / str(size)).model_copy(update={"inference_batch_size": size})
        _, _, (artifact,) = evaluate(
            config=config,
            student=None,
            fitted=None,
            student_key=student_key(config.student),
            targets=(TARGET,),
            store=Store(execution.store),
            execution=execution,
        )
        runs.append(read_run(artifact.path / "run.parquet"))
    assert runs[0] == runs[1]


def test_per_query_rows_are_sorted_over_several_targets(tmp_path: Path) -> None:
    dev = EvaluationTarget("toy/dev", COLLECTION.corpus, COLLECTION.splits["dev"])
    scores, per_query, artifacts = run_evaluate(tmp_path, targets=(TARGET, dev))
    assert list(scores) == ["toy/test", "toy/dev"]
    assert len(artifacts) == 2
    assert per_query.equals(per_query.sort_values(["task", "query_id"], ignore_index=True))
    assert np.isfinite(per_query[list(MEASURES)].to_numpy()).all()


@pytest.mark.parametrize(("task", "message"), [("NoSuchTask", "mteb has no task"), ("STS12", "not a retrieval task")])
def test_an_unfit_task_is_one_clear_line(tmp_path: Path, task: str, message: str) -> None:
    config = toy_config(train=NoTraining(), evaluation=EvaluationConfig(tasks=(task,)))
    with pytest.raises(UserError, match=message):
        run_evaluate(tmp_path, config)


def test_a_built_in_task_without_a_hub_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path))
    config = toy_config(train=NoTraining(), evaluation=EvaluationConfig(tasks=("SciFact",)))
    with pytest.raises(UserError, match=r"needs a hub.*evaluation\.collections"):
        run_evaluate(tmp_path, config, ())


def test_a_bar_that_is_shown_changes_no_score(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    quiet, _, _ = run_evaluate(tmp_path / "quiet")
    execution = toy_execution(tmp_path / "loud").model_copy(update={"progress": True})
    config = toy_config(train=NoTraining())
    loud, _, _ = evaluate(
        config=config,
        student=None,
        fitted=None,
        student_key=student_key(config.student),
        targets=(TARGET,),
        store=Store(execution.store),
        execution=execution,
    )
    assert loud == quiet
    assert "evaluate toy/test" in capfd.readouterr().err


def test_two_query_sets_over_one_corpus_encode_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = SentenceTransformer.encode_document

    def spy(self: SentenceTransformer, inputs: Any, **options: Any) -> Any:
        read.extend(inputs)
        return original(self, inputs, **options)

    monkeypatch.setattr(SentenceTransformer, "encode_document", spy)
    dev = EvaluationTarget("toy/dev", COLLECTION.corpus, COLLECTION.splits["train"])
    together, _, _ = run_evaluate(tmp_path / "together", targets=(TARGET, dev))
    assert sorted(read) == sorted(COLLECTION.corpus.passages)
    alone, _, _ = run_evaluate(tmp_path / "alone", targets=(dev,))
    assert alone["toy/dev"] == together["toy/dev"]


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_evaluate(tmp_path)
    assert capfd.readouterr() == ("", "")
