"""The offline run, read back with wandb's own reader."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.execution import Execution, Labels, WandbTracker
from experiments.records.folder import write_record
from experiments.records.schema import RunRecord
from experiments.tracking import make_tracker
from experiments.tracking.credentials import choose_mode
from tests.tracking.examples import NEGATIVES, ROWS, make_config, make_record

LABELS = Labels(study="demo", block="main", arm="percpos")


def track(output: Path, config: RunConfig, record: RunRecord, *, live: bool = True) -> None:
    write_record(output / "store", record, None)
    tracker = make_tracker(Execution(tracker=WandbTracker(), output=output, store=output / "store"))
    tracker.start(config, config.run_id, LABELS)
    if live:
        tracker.log(1, {"loss": 2.5, "learning_rate": 1e-4})
        tracker.log(2, {"loss": 1.5, "learning_rate": 5e-5})
    tracker.negatives(NEGATIVES)
    tracker.rows(ROWS)
    tracker.finish(record)


def run_file(output: Path) -> Path:
    (found,) = (output / "wandb").glob("offline-run-*/run-*.wandb")
    return found


def read(output: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", *arguments, str(run_file(output))]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def entries(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(output).splitlines()]


def history(output: Path) -> list[dict[str, Any]]:
    rows = [entry["history"]["item"] for entry in entries(output) if entry["type"] == "history"]
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]


def table(output: Path) -> dict[str, Any]:
    (path,) = run_file(output).parent.glob("files/media/table/negatives_*.table.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


LOSS = [
    {"train/step": 1, "train/loss": 2.5, "train/learning_rate": 1e-4},
    {"train/step": 2, "train/loss": 1.5, "train/learning_rate": 5e-5},
]


def test_an_offline_run_is_read_back_whole(
    tmp_path: Path, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_CACHE_DIR", "as it was")
    config = make_config()
    output = tmp_path / "output"
    track(output, config, make_record(config))

    shown = json.loads(read(output, "--summary"))
    assert shown["exit_code"] == 0
    assert shown["config"]["miner"] == {"kind": "topk_percpos", "threshold": 0.95}
    assert shown["config"]["labels"] == {"study": "demo", "block": "main", "arm": "percpos"}
    assert RunConfig.model_validate({name: shown["config"][name] for name in RunConfig.model_fields}) == config
    for name, value in {"docstrings/test/nDCG@10": 0.5125, "mining/known_false": 3, "timings/wall": 3.5}.items():
        assert shown["summary"][name] == value

    (run,) = [entry["run"] for entry in entries(output) if entry["type"] == "run"]
    assert (run["run_id"], run["run_group"], run["job_type"]) == (config.run_id, "demo", "train")
    assert set(run["tags"]) == {
        "study:demo", "block:main", "arm:percpos", "teacher:minilm_l6", "miner:topk_percpos", "student:tiny",
    }  # fmt: skip

    assert history(output)[:2] == LOSS
    assert table(output)["columns"] == ["query", "positive", "negative", "score"]
    assert table(output)["data"] == [list(row.values()) for row in NEGATIVES]

    stored = output / "store" / "records" / config.run_id
    (kept,) = run_file(output).parent.glob(f"files/records/{config.run_id}/*.json")
    assert kept.read_bytes() == (stored / kept.name).read_bytes()
    assert not kept.is_symlink(), "the folder may be carried elsewhere"
    (artifact,) = [one for entry in entries(output) if (one := entry.get("artifact") or {}).get("type") == "negatives"]
    (file,) = artifact["manifest"]["contents"]
    assert (artifact["name"], file["path"]) == ("negatives-docstrings", "rows.jsonl")
    assert json.loads(Path(file["local_path"]).read_text(encoding="utf-8").splitlines()[1]) == {
        "query": "q2", "positive": "d2", "negatives": ["d4"],
    }  # fmt: skip

    assert not list(home.rglob("*")), "wandb wrote outside the output folder"
    assert {path.name for path in tmp_path.iterdir()} == {"home", "output"}
    assert os.environ["WANDB_CACHE_DIR"] == "as it was"
    assert "WANDB_DATA_DIR" not in os.environ
    assert capfd.readouterr() == ("", "")


def test_a_reused_training_shows_the_records_loss(tmp_path: Path, home: Path) -> None:
    config = make_config()
    track(tmp_path / "output", config, make_record(config), live=False)
    assert history(tmp_path / "output")[1:] == LOSS


def test_two_runs_of_one_process_keep_apart_and_an_aborted_one_failed(tmp_path: Path, home: Path) -> None:
    config = make_config()
    track(tmp_path / "first", config, make_record(config))
    tracker = make_tracker(Execution(tracker=WandbTracker(), output=tmp_path / "second"))
    tracker.start(config, config.run_id, Labels())
    tracker.negatives([])
    tracker.abort()
    (run,) = [entry["run"] for entry in entries(tmp_path / "second") if entry["type"] == "run"]
    assert (run["run_group"], run["job_type"]) == ("docstrings", "train")
    assert json.loads(read(tmp_path / "second", "--summary"))["exit_code"] == 1
    staged = list((tmp_path / "second" / "wandb" / "data").rglob("*"))
    assert staged, "the second run's table was staged elsewhere"


def test_online_without_a_key_is_one_line(tmp_path: Path, home: Path) -> None:
    config = make_config()
    tracker = make_tracker(Execution(tracker=WandbTracker(mode="online"), output=tmp_path / "output"))
    with pytest.raises(UserError, match=r"tracker\.mode=offline$"):
        tracker.start(config, config.run_id, LABELS)


def test_a_machine_without_wandb_is_told_of_the_other_tracker(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    config = make_config()
    tracker = make_tracker(Execution(tracker=WandbTracker(), output=tmp_path / "output"))
    with pytest.raises(UserError, match="tracker=none"):
        tracker.start(config, config.run_id, LABELS)


@pytest.mark.parametrize(
    ("key", "netrc", "asked", "expected"),
    [
        ("", "", "auto", "offline"),
        ("secret", "", "auto", "online"),
        ("", "machine api.wandb.ai login user password secret\n", "auto", "online"),
        ("", "machine example.org login user password secret\n", "auto", "offline"),
        ("secret", "", "offline", "offline"),
    ],
)
def test_auto_is_online_only_with_a_key(
    home: Path, monkeypatch: pytest.MonkeyPatch, key: str, netrc: str, asked: Literal["auto", "offline"], expected: str
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", key)
    (home / ".netrc").write_text(netrc, encoding="utf-8")
    assert choose_mode(WandbTracker(mode=asked)) == expected
