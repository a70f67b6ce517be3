"""Records that were logged on one machine, taken into the store of another by the real command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.execution import Labels, WandbTracker
from experiments.files import write_text
from experiments.pull import main
from experiments.records.folder import find_record, record_paths, write_record
from experiments.records.groups import groups_path, write_groups
from experiments.records.schema import RunRecord, content_digest, dump_record
from experiments.records.scores import read_scores
from tests.tracking.examples import make_config, make_record
from tests.tracking.helpers import PROJECT, begun, stored, train, whole, with_threshold
from tests.tracking.server import Server

CONFIG = make_config()


def files(root: Path) -> dict[str, bytes]:
    """Of a store, what makes up records."""
    found = [path for folder in ("records", "groups") for path in (root / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def remote(server: Server, suffix: str = ".json") -> str:
    """The path of the run's record, or of its scores, on the server."""
    names = server.runs[CONFIG.run_id].files
    (name,) = [name for name in names if name.startswith("records/") and name.endswith(suffix)]
    return f"/run-files/{CONFIG.run_id}/{name}"


def edit(server: Server, change: Callable[[dict[str, object]], None], *, seal: bool) -> None:
    """Change the record that a server holds, with or without a digest that fits."""
    path = remote(server)
    data = json.loads(server.blobs[path])
    change(data)
    if seal:
        data["digest"] = content_digest(data)
    server.blobs[path] = json.dumps(data).encode()


def test_records_come_to_another_store_byte_for_byte_and_once(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    content = make_record(CONFIG).tasks["docstrings/test"].content_hash
    write_groups(groups_path(tmp_path / "store", content), ["a", "b"], ["g", "g"])
    whole(tmp_path, CONFIG)
    begun(tmp_path, with_threshold(0.9)).abort()
    here = tmp_path / "here"
    assert main([PROJECT, "--group", "demo", "--store", str(here)]) == 0
    assert files(here) == files(tmp_path / "store")
    (path,) = record_paths(here, CONFIG.run_id)
    record = find_record([here], CONFIG.run_id)
    assert record is not None
    scores = read_scores(record, path)
    assert scores is not None
    assert len(scores) == 2
    assert capsys.readouterr().out == (
        f"{PROJECT}, group demo: 1 records taken to {here}, 0 were there already\n"
        "  1 runs without a record (1 failed)\n"
    )
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    assert main([PROJECT, "--store", str(here)]) == 0
    assert "0 records taken" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before
    assert not list((tmp_path / "home").rglob("*.json")), "wandb left files"


def test_only_the_group_that_is_asked_for_comes(tmp_path: Path, server: Server) -> None:
    whole(tmp_path, CONFIG)
    whole(tmp_path, with_threshold(0.9), labels=Labels(study="other", block="main", arm="percpos"))
    assert main([PROJECT, "--group", "other", "--store", str(tmp_path / "here")]) == 0
    assert [path.name for path in (tmp_path / "here/records").iterdir()] == [with_threshold(0.9).run_id]


def test_what_is_not_what_its_digests_say_is_refused_in_one_line_each(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    whole(tmp_path, CONFIG)
    whole(tmp_path, with_threshold(0.9))
    kept, here = dict(server.blobs), tmp_path / "here"

    def refusal() -> str:
        shutil.rmtree(here, ignore_errors=True)
        assert main([PROJECT, "--store", str(here)]) == 1
        assert list(files(here)), "the other run's record came"
        assert not record_paths(here, CONFIG.run_id)
        (line,) = [line for line in capsys.readouterr().out.splitlines() if "refused" in line]
        server.blobs.update(kept)
        return line

    edit(server, lambda data: data["timings"].update(train=0.5), seal=False)  # type: ignore[attr-defined]
    assert "is not what its digest says" in refusal()
    edit(server, lambda data: data.update(digest=""), seal=False)
    assert "it has no digest" in refusal()
    edit(server, lambda data: data.update(schema_version=99), seal=True)
    assert "schema_version 99 is not known here" in refusal()
    edit(server, lambda data: data["config"].update(seed=4), seal=True)  # type: ignore[attr-defined]
    assert "not the record of the run and environment that its name says" in refusal()
    server.blobs[remote(server, ".parquet")] = server.blobs[remote(server, ".parquet")][:-20]
    assert "cannot be read" in refusal()


def test_a_record_that_differs_from_the_stores_own_is_refused_and_nothing_is_lost(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    whole(tmp_path, CONFIG)
    here = tmp_path / "here"
    record = make_record(CONFIG)
    assert record.mining is not None
    other = record.model_copy(update={"per_query": "", "mining": record.mining.model_copy(update={"known_false": 4})})
    write_record(here, other.sealed(), None)
    before = files(here)
    assert main([PROJECT, "--store", str(here)]) == 1
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith(f"  refused: the record of run {CONFIG.run_id}: it differs from the one in {here}/records/")
    assert "(mining known_false: 4 here, 3 there)" in line
    assert files(here) == before


def test_other_times_are_no_other_result_and_another_environment_lies_beside(tmp_path: Path, server: Server) -> None:
    record = whole(tmp_path, CONFIG)
    here = tmp_path / "here"
    scores = read_scores(record, record_paths(tmp_path / "store", CONFIG.run_id)[0])
    slower = record.model_copy(update={"timings": {"train": 9.0}})
    elsewhere = record.model_copy(update={"environment": {"device": "cuda"}})
    write_record(here, slower, scores)
    write_record(here, elsewhere, scores)
    before = files(here)
    assert main([PROJECT, "--store", str(here)]) == 0
    assert files(here) == before
    shutil.rmtree(here)
    write_record(here, elsewhere, scores)
    assert main([PROJECT, "--store", str(here)]) == 0
    assert len(record_paths(here, CONFIG.run_id)) == 2


def test_an_outdated_record_is_replaced(tmp_path: Path, server: Server) -> None:
    config = CONFIG
    record = make_record(config).model_copy(update={"artifacts": {"mine": "k"}, "versions": {"mine": 2}})
    tracker = begun(tmp_path, config)
    write_record(tmp_path / "store", record, None)
    tracker.finish(record.sealed())
    here = tmp_path / "here"
    write_record(here, record.model_copy(update={"versions": {"mine": 1}}), None)
    assert find_record([here], config.run_id) is None
    assert main([PROJECT, "--store", str(here)]) == 0
    assert find_record([here], config.run_id) is not None


def test_offline_folders_are_read_without_a_server(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole(tmp_path, CONFIG)
    whole(tmp_path, with_threshold(0.9), labels=Labels(study="other", block="main", arm="percpos"))
    begun(tmp_path, with_threshold(0.98)).abort()
    carried = tmp_path / "carried"
    for folder in tmp_path.glob("*/wandb/offline-run-*"):
        shutil.copytree(folder, carried / folder.name)
    store = files(tmp_path / "store")
    shutil.rmtree(tmp_path / "store")
    assert main(["--offline", str(carried), "--group", "demo", "--store", str(tmp_path / "one")]) == 0
    assert f"{carried}, group demo: 1 records taken" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "one/records").iterdir()] == [CONFIG.run_id]
    assert main(["--offline", str(carried), "--store", str(tmp_path / "all")]) == 0
    assert files(tmp_path / "all") == store
    assert "1 runs without a record (1 offline)" in capsys.readouterr().out


def test_a_name_that_leads_elsewhere_is_not_fetched(tmp_path: Path, server: Server) -> None:
    whole(tmp_path, CONFIG)
    run = server.runs[CONFIG.run_id]
    for name in ("records/../../escaped.json", "groups/../../escaped.parquet"):
        run.files[name] = b"{}"
        server.blobs[f"/run-files/{run.id}/{name}"] = b"{}"
    assert main([PROJECT, "--store", str(tmp_path / "here")]) == 0
    assert not list(tmp_path.rglob("escaped*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give either ENTITY/PROJECT or --offline DIR"),
        (["demo"], "should be ENTITY/PROJECT"),
        ([PROJECT, "--offline", "."], "give either"),
        (["--offline", "empty"], "no run of W&B lies there"),
        ([PROJECT, "--base-url", "http://me:hunter22@host"], "http://***@host: should be http://HOST"),
        ([PROJECT, "--base-url", "http://127.0.0.1:9"], "there is no key for http://127.0.0.1:9"),
    ],
)
def test_mistakes_are_one_line(home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert "hunter22" not in shown.err


@pytest.mark.parametrize("case", ["no project", "refuse", "no port"])
def test_a_server_that_does_not_give_is_one_line(
    home: Path, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    if case == "no port":
        monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    server.mode = "refuse" if case == "refuse" else "up"
    assert main(["tester/nothing"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert "W&B did not answer as asked" in shown.err
    assert shown.err.count("\n") == 1


def test_the_store_of_a_run_elsewhere_makes_it_done_here(tmp_path: Path, server: Server) -> None:
    """What a tracker logs is the sealed record, to the last byte of what the pipeline has written."""
    tracker = begun(tmp_path, CONFIG, tracker=WandbTracker(negatives=0, artifact=False))
    train(tracker, [1])
    record: RunRecord = stored(tmp_path, CONFIG)
    tracker.finish(record)
    assert main([PROJECT, "--store", str(tmp_path / "here")]) == 0
    (path,) = record_paths(tmp_path / "here", CONFIG.run_id)
    assert path.read_text(encoding="utf-8") == dump_record(record)
    write_text(path, dump_record(record))
