"""Runs as a server is told of them by wandb's own client, and what a server that is away costs."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.execution import Labels, WandbTracker
from experiments.tracking import opening
from tests.tracking.conftest import Warnings
from tests.tracking.examples import make_config
from tests.tracking.helpers import LABELS, begun, stored, train, wandb, whole, with_threshold
from tests.tracking.server import KEY, Server, serving

SECONDS = 15.0
"""What an unreachable server may cost with the timeout of these tests, on a busy machine."""


def steps_of(server: Server, run_id: str) -> list[int]:
    return [row["train/step"] for row in server.runs[run_id].rows if "train/step" in row]


def test_a_run_is_shown_with_its_record_and_its_negatives(tmp_path: Path, server: Server) -> None:
    config = make_config()
    record = whole(tmp_path, config)
    run = server.runs[config.run_id]
    assert (run.state, run.fields["groupName"], run.fields["jobType"]) == ("finished", "demo", "train")
    assert json.loads(run.fields["config"])["labels"]["value"]["arm"] == "percpos"
    assert steps_of(server, config.run_id) == [1, 2, 3]
    summary = json.loads(run.summary)
    assert summary["docstrings/test/nDCG@10"] == 0.5125
    kept = tmp_path / "store" / "records" / config.run_id / f"{record.environment_digest}.json"
    for suffix in (".json", ".parquet"):
        name = f"records/{config.run_id}/{record.environment_digest}{suffix}"
        assert run.files[name] == kept.with_suffix(suffix).read_bytes()
    (version,) = server.artifacts["negatives-docstrings"]
    assert version.committed
    lines = server.blobs[version.files["rows.jsonl"]].decode().splitlines()
    assert json.loads(lines[0]) == {"query": "q1", "positive": "d1", "negatives": ["d3", "d4"]}


def test_arms_with_equal_rows_share_a_version_and_others_make_a_new_one(tmp_path: Path, server: Server) -> None:
    configs = [with_threshold(value) for value in (0.9, 0.95, 0.98)]
    for config, rows in zip(configs, ([["q", "a", "b"]], [["q", "a", "b"]], [["q", "a", "c"]]), strict=True):
        tracker = begun(tmp_path, config, tracker=WandbTracker(artifact=False))
        tracker.rows(rows)
        tracker.finish(stored(tmp_path, config))
    # begun() has logged the example's rows first, the same for all three.
    assert [version.used_by for version in server.artifacts["negatives-docstrings"]] == [
        [one.run_id for one in configs],
        [configs[0].run_id, configs[1].run_id],
        [configs[2].run_id],
    ]


def test_a_trial_and_its_winner_are_found_by_search_number_and_job(tmp_path: Path, server: Server) -> None:
    trial, winner = with_threshold(0.9), with_threshold(0.95)
    place = {"study": "thresholds", "search": "thresholds"}
    begun(tmp_path, trial, labels=Labels(**place, block="trials", arm="trial 7", trial=7)).abort(stopped=True)
    whole(tmp_path, winner, labels=Labels(**place, block="main", arm="winner"))
    first, second = server.runs[trial.run_id], server.runs[winner.run_id]
    assert (first.group, first.fields["jobType"], first.state) == ("thresholds", "trial", "finished")
    assert json.loads(first.summary)["stopped"] is True
    assert {"search:thresholds", "trial:7"} <= set(first.fields["tags"])
    assert json.loads(first.fields["config"])["labels"]["value"]["trial"] == 7
    assert (second.group, second.fields["jobType"]) == ("thresholds", "confirmation")
    assert "arm:winner" in second.fields["tags"]
    whole(tmp_path, trial, labels=Labels(**place, block="main", arm="abs_9"))
    assert json.loads(first.summary)["stopped"] is False, "it has gone on since"


def test_a_resumed_run_keeps_its_id_and_tells_no_step_twice(tmp_path: Path, server: Server) -> None:
    config = make_config()
    first = begun(tmp_path, config)
    train(first, [1, 2, 3])
    first.abort()
    again = begun(tmp_path, config)
    train(again, [1, 2, 3, 4, 5])  # a checkpoint tells its steps again
    again.finish(stored(tmp_path, config))
    run = server.runs[config.run_id]
    assert list(server.runs) == [config.run_id]
    assert steps_of(server, config.run_id) == [1, 2, 3, 4, 5]
    assert [row["_step"] for row in run.rows] == list(range(len(run.rows)))
    assert sum("negatives" in row for row in run.rows) == 1
    assert run.state == "finished"
    assert len(server.artifacts["negatives-docstrings"]) == 1


def test_offline_beginnings_of_one_run_are_sent_as_one_by_one_command(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, offline = make_config(), WandbTracker(mode="offline")
    first = begun(tmp_path, config, tracker=offline)
    train(first, [1, 2, 3])
    first.abort()
    time.sleep(1.1)  # wandb names folders by the second
    again = begun(tmp_path, config, tracker=offline)
    train(again, [1, 2, 3, 4, 5])
    record = stored(tmp_path, config)
    again.finish(record)
    assert not server.runs
    folders = sorted((tmp_path / config.run_id / "wandb").glob("offline-run-*"))
    assert len(folders) == 2
    wandb("sync", *map(str, folders))
    run = server.runs[config.run_id]
    assert steps_of(server, config.run_id) == [1, 2, 3, 4, 5]
    assert [row["_step"] for row in run.rows] == list(range(len(run.rows)))
    assert f"records/{config.run_id}/{record.environment_digest}.json" in run.files
    assert server.artifacts["negatives-docstrings"][0].committed
    assert "No runs to sync" in wandb("sync", *map(str, folders))


def test_a_run_begun_offline_goes_on_offline_though_there_is_a_key_now(tmp_path: Path, server: Server) -> None:
    config = make_config()
    begun(tmp_path, config, tracker=WandbTracker(mode="offline")).abort()
    time.sleep(1.1)
    whole(tmp_path, config)
    assert not server.runs
    assert len(list((tmp_path / config.run_id / "wandb").glob("offline-run-*"))) == 2


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "INIT_TIMEOUT", 3.0)
    monkeypatch.setattr(opening, "FINISH_TIMEOUT", 3.0)


@pytest.fixture(params=["no port", "no name", "refuse", "broken", "hang"])
def away(request: pytest.FixtureRequest, home: Path) -> Iterator[str]:
    """The address of a server that takes no runs."""
    if request.param == "no port":
        yield "http://127.0.0.1:9"
    elif request.param == "no name":
        yield "http://nowhere.invalid"
    else:
        with serving(request.param) as state:
            yield state.url


def test_a_server_that_is_away_costs_seconds_and_one_warning_and_no_run(
    tmp_path: Path,
    away: str,
    impatient: None,
    warnings: Warnings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    tracker = WandbTracker(base_url=away)
    started = time.monotonic()
    whole(tmp_path, with_threshold(0.9), tracker=tracker)
    assert time.monotonic() - started < SECONDS
    whole(tmp_path, with_threshold(0.95), tracker=tracker)
    (said,) = warnings.messages
    assert said.startswith(f"W&B did not start at {away.removeprefix('http://')} (")
    assert "\n" not in said
    assert KEY not in said
    folders = [path.name for path in tmp_path.glob("*/wandb/*run-*")]
    assert len(folders) == 2, "what the first attempt left is gone"
    assert all(name.startswith("offline-run-") for name in folders)
    assert capfd.readouterr() == ("", "")


def test_a_server_that_goes_away_midway_costs_seconds_and_one_warning(
    tmp_path: Path, server: Server, impatient: None, warnings: Warnings
) -> None:
    config = make_config()
    tracker = begun(tmp_path, config)
    train(tracker, [1])
    server.mode = "hang"
    started = time.monotonic()
    train(tracker, [2, 3])
    tracker.finish(stored(tmp_path, config))
    assert time.monotonic() - started < SECONDS
    (said,) = warnings.messages
    assert said.startswith("W&B does not take all of this run")
    server.mode = "up"
    (folder,) = (tmp_path / config.run_id / "wandb").glob("run-*")
    wandb("sync", "--include-online", str(folder))
    assert steps_of(server, config.run_id) == [1, 2, 3]
    assert LABELS.study == server.runs[config.run_id].group


def test_what_wandb_raises_midway_is_one_warning(
    tmp_path: Path, home: Path, warnings: Warnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config()
    tracker = begun(tmp_path, config)
    from wandb.sdk.wandb_run import Run

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"lost the line with {KEY} to http://me:{KEY}@host")

    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(Run, "log", fail)
    train(tracker, [1, 2, 3])
    tracker.finish(stored(tmp_path, config))
    assert len(warnings.messages) == 1
    assert "lost the line with *** to http://***@host" in warnings.messages[0]


@pytest.mark.parametrize("path", ["wandb.Table.__init__", "wandb.Artifact.new_file"])
def test_negatives_that_wandb_does_not_take_are_one_warning(
    tmp_path: Path, home: Path, warnings: Warnings, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TypeError("no such rows")

    monkeypatch.setattr(path, fail)
    whole(tmp_path, make_config())
    (said,) = warnings.messages
    assert said.startswith("W&B does not take all of this run (TypeError: no such rows)")
