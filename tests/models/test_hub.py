"""An unpinned hub model is resolved to a commit, which names its embeddings and its students and stands in the record.

The hub's cache is laid out by hand (refs, snapshots) and read by huggingface_hub's own functions; a web server on this
machine stands for the hub.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from experiments.config import (
    BeirData,
    Bm25Teacher,
    CommonWith,
    DenseTeacher,
    InfoNCE,
    MiningConfig,
    ModelStudent,
    NaiveTopK,
    NoTraining,
    RandomMiner,
    RunConfig,
    TinyStudent,
)
from experiments.errors import MissingModelError
from experiments.execution import Execution
from experiments.models import weights
from experiments.models.encoder import resolved_models
from experiments.models.saved import save_model
from experiments.models.student import build_student, student_key
from experiments.pipeline import run
from experiments.stages.embed import embed
from experiments.store import Store
from tests.helpers.beir import write_beir

NAME = "someone/tiny-bert"
OLD, NEW = "a" * 40, "b" * 40
EXECUTION = Execution(device="cpu", threads=1, progress=False)
TEACHER = DenseTeacher(name=NAME)


def forget() -> None:
    weights._hub_answers.cache_clear()
    weights._resolve.cache_clear()


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub cache that holds two commits of one model."""
    cache = tmp_path_factory.mktemp("hub")
    for seed, commit in enumerate((OLD, NEW)):
        folder = cache / f"models--{NAME.replace('/', '--')}" / "snapshots" / commit
        save_model(build_student(TinyStudent(seed=seed), execution=EXECUTION), folder)
    return cache


@pytest.fixture
def cache(snapshots: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """That cache, without a hub; `main` is the old commit."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(snapshots))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    point_main(snapshots, OLD)
    yield snapshots
    forget()


def point_main(cache: Path, commit: str) -> None:
    refs = cache / f"models--{NAME.replace('/', '--')}" / "refs"
    refs.mkdir(exist_ok=True)
    (refs / "main").write_text(commit, encoding="utf-8")
    forget()


@pytest.mark.parametrize("revision", [None, "main"])
def test_without_a_hub_it_is_the_commit_of_the_cached_snapshot(cache: Path, revision: str | None) -> None:
    assert weights.resolve_commit(NAME, revision) == OLD
    point_main(cache, NEW)
    assert weights.resolve_commit(NAME, revision) == NEW
    assert weights.resolve_commit(NAME, OLD) == OLD
    with pytest.raises(MissingModelError, match=r"someone/else.* is not in the local cache"):
        weights.resolve_commit("someone/else", revision)


def test_a_hub_that_moved_means_other_embeddings_and_other_students(cache: Path, tmp_path: Path) -> None:
    found = {}
    for commit in (OLD, NEW):
        point_main(cache, commit)
        vectors, artifact = embed(
            ["some text"], encoder=TEACHER, role="query", store=Store(tmp_path), execution=EXECUTION
        )
        assert artifact.made
        found[commit] = (np.array(vectors), student_key(ModelStudent(name=NAME)))
        pinned = TEACHER.model_copy(update={"revision": commit})
        _, again = embed(["some text"], encoder=pinned, role="query", store=Store(tmp_path), execution=EXECUTION)
        assert (again.key, again.made) == (artifact.key, False)
    assert not np.allclose(found[OLD][0], found[NEW][0], atol=1e-3)
    assert found[OLD][1] != found[NEW][1]
    for seed, commit in enumerate((OLD, NEW)):
        tiny = build_student(TinyStudent(seed=seed), execution=EXECUTION)
        assert np.allclose(found[commit][0][0], tiny.encode_query("some text", show_progress_bar=False), atol=1e-5)


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does when it is asked for a model's state."""

    commits: dict[str, str]

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        sha = self.commits.get(self.path.removeprefix("/api/models/").partition("?")[0])
        self.send_response(200 if sha else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"id": NAME, "modelId": NAME, "sha": sha} if sha else {"error": "no"}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    commits: dict[str, str] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Commits", (Hub,), {"commits": commits}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    forget()
    yield commits
    server.shutdown()
    server.server_close()


def test_with_a_hub_it_is_what_the_hub_says_once_a_process(hub: dict[str, str]) -> None:
    hub |= {NAME: NEW, f"{NAME}/revision/v1": OLD}
    assert weights.resolve_commit(NAME, None) == NEW
    assert weights.resolve_commit(NAME, "v1") == OLD
    hub[NAME] = "c" * 40
    assert weights.resolve_commit(NAME, None) == NEW
    with pytest.raises(MissingModelError, match="someone/else: the hub does not give its commit") as caught:
        weights.resolve_commit("someone/else", None)
    assert "\n" not in str(caught.value)


def config(**changes: object) -> RunConfig:
    base = {
        "data": BeirData(name="toy"),
        "teacher": TEACHER,
        "miner": NaiveTopK(),
        "student": TinyStudent(),
        "train": InfoNCE(steps=2, batch_size=8, query_length=16, passage_length=16),
        "until": "mine",
    }
    return RunConfig.model_validate({**base, **changes})


def test_a_run_records_the_commits_that_it_used(cache: Path, tmp_path: Path) -> None:
    here = EXECUTION.model_copy(
        update={"store": tmp_path / "store", "output": tmp_path, "data_paths": {"toy": write_beir(tmp_path / "toy")}}
    )
    assert run(config(), here).models == {NAME: OLD}
    listed = MiningConfig(common_with=(CommonWith(teacher=TEACHER, miner=RandomMiner()),))
    assert run(config(teacher=Bm25Teacher(), mining=listed), here).models == {NAME: OLD}
    assert run(config(teacher=TEACHER.model_copy(update={"revision": NEW})), here).models == {}
    untrained = config(train=NoTraining(), until="evaluate")
    assert run(untrained, here).models == {}
    assert run(untrained.model_copy(update={"student": ModelStudent(name=NAME)}), here).models == {NAME: OLD}


def test_composing_and_naming_a_run_asks_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    forget()
    assert config(teacher=DenseTeacher(name="nobody/nothing")).run_id
    assert weights._hub_answers.cache_info().misses == 0


def test_models_are_looked_for_at_any_depth() -> None:
    pinned = TEACHER.model_copy(update={"name": "someone/pinned", "revision": OLD})
    listed = MiningConfig(common_with=(CommonWith(teacher=pinned, miner=RandomMiner()),))
    assert resolved_models([listed, TinyStudent()]) == {}
