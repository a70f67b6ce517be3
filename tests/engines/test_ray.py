"""Ray's workers give the vectors and the ranking of one process, to the last bit, also where one is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
import torch

from experiments.config import DenseTeacher
from experiments.engines.encoders import OneProcess
from experiments.engines.ray_workers import ray_workers
from experiments.errors import UserError
from experiments.execution import Execution, RayWorkers
from experiments.stages.embed import embed
from experiments.stages.retrieve import retrieve
from experiments.store import Store
from tests.engines.texts import TEXTS, expected, tiny_teacher
from tests.teachers.small import collection

NO_RAY = Execution(device="cpu", engine="ray", progress=False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One cluster for all: a stage takes the one that is there."""
    ray = pytest.importorskip("ray")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    yield
    ray.shutdown()
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "tiny"


def on_ray(folder: Path) -> tuple[DenseTeacher, Execution]:
    teacher, execution = tiny_teacher(folder)
    return teacher, execution.model_copy(update={"engine": "ray", "shard": 24})


def test_an_address_where_nothing_listens_is_one_line() -> None:
    """First, since a cluster that is there already would be taken."""
    pytest.importorskip("ray")
    far = NO_RAY.model_copy(update={"ray": RayWorkers(address="127.0.0.1:1")})
    with pytest.raises(UserError, match=r"execution\.ray\.address=127\.0\.0\.1:1: no Ray cluster answers"):
        ray_workers(OneProcess, far).__enter__()


@pytest.mark.usefixtures("cluster")
def test_two_workers_give_the_vectors_of_one_process(folder: Path, tmp_path: Path) -> None:
    teacher, execution = on_ray(folder)
    found, _ = embed(TEXTS, encoder=teacher, role="document", store=Store(tmp_path / "ray"), execution=execution)
    assert np.array_equal(found, expected(TEXTS, teacher, execution))


@pytest.mark.usefixtures("cluster")
def test_two_workers_find_the_candidates_that_one_process_does(folder: Path, tmp_path: Path) -> None:
    teacher, execution = on_ray(folder)
    small, store = collection(minable_share=0.7), Store(tmp_path)
    alone = execution.model_copy(update={"engine": "process", "shard": 1000})
    found = retrieve(small, teacher=teacher, depth=20, store=store, execution=alone, embed=embed)
    rmtree(found[1][-1].path)
    again = retrieve(small, teacher=teacher, depth=20, store=store, execution=execution, embed=embed)
    assert [artifact.made for artifact in again[1]] == [False, False, True]
    for field in ("document", "score", "positive_score", "positive_rank"):
        assert np.array_equal(*(getattr(one, field) for one in (found[0], again[0])))


class DiesOnce:
    """An encoder whose first worker at the second shard is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, execution: Execution) -> DiesOnce:
        (self.folder / f"began-{os.getpid()}").touch()
        return self

    def shard(self, number: int) -> int:
        with (self.folder / "done").open("a") as done:
            done.write(f"{number}\n")
        if number == 1 and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number

    def always(self, number: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return number

    def mistake(self, number: int) -> int:
        raise UserError(f"shard {number} cannot be done: mend it")


@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_costs_its_shard_only(tmp_path: Path) -> None:
    with ray_workers(DiesOnce(tmp_path), NO_RAY) as workers:
        found = dict(workers.run("shard", range(5), lambda shard: shard))
    assert found == {shard: shard * shard for shard in range(5)}
    assert sorted(map(int, (tmp_path / "done").read_text().split())) == [0, 1, 1, 2, 3, 4]
    assert len(list(tmp_path.glob("began-*"))) == 3


@pytest.mark.usefixtures("cluster")
def test_workers_that_are_lost_again_and_again_and_mistakes_in_them_are_one_line(tmp_path: Path) -> None:
    few = NO_RAY.model_copy(update={"ray": RayWorkers(max_retries=1)})
    with ray_workers(DiesOnce(tmp_path), few) as workers, pytest.raises(UserError, match="worker of Ray was lost too"):
        list(workers.run("always", range(3), lambda shard: shard))
    with ray_workers(DiesOnce(tmp_path), few) as workers, pytest.raises(UserError, match=r"^shard \d cannot be done"):
        list(workers.run("mistake", range(3), lambda shard: shard))


@pytest.mark.usefixtures("cluster")
def test_more_workers_than_the_cluster_has_room_for_are_one_line(tmp_path: Path) -> None:
    many = NO_RAY.model_copy(update={"ray": RayWorkers(workers=64)})
    with pytest.raises(UserError, match=r"execution.ray.workers=64 take 64 CPUs and the cluster has 2: use fewer"):
        ray_workers(OneProcess, many).__enter__()


def test_without_ray_the_engine_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"execution.engine=ray needs Ray: pip install -e '.\[ray\]'"):
        ray_workers(OneProcess, NO_RAY).__enter__()
