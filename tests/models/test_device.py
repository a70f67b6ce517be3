"""What a device changes in a name, how it is set up, and what it refuses. No GPU is needed: messages are simulated."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import pytest
import torch

from experiments.config import InfoNCE
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.models import device
from experiments.records import environment

CPU = Execution(device="cpu", progress=False)


def test_the_type_of_a_device_is_in_a_key_and_a_cpu_is_not() -> None:
    assert device.device_in_key("cpu") == {}
    assert device.device_in_key("cuda") == device.device_in_key("cuda:0") == {"device": "cuda"}


def test_a_cuda_build_without_a_card_warns_once_unless_cards_were_turned_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    device._warn_of_unusable_cuda.cache_clear()
    assert device.resolve_device(Execution(progress=False)) == "cpu"
    assert not caplog.messages, "an empty list of cards is somebody's choice"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    device._warn_of_unusable_cuda.cache_clear()
    for _ in range(2):
        assert device.resolve_device(Execution(progress=False)) == "cpu"
    (warning,) = caplog.messages
    assert "built for CUDA 12.8 but can use no GPU here" in warning
    assert "running on the CPU" in warning


def test_what_cannot_train_is_one_line() -> None:
    for name in ("cpu", "cuda", "cuda:0"):
        device.check_training_device(name)
    with pytest.raises(UserError, match="cuda:1: training runs on the first visible GPU: use CUDA_VISIBLE_DEVICES"):
        device.check_training_device("cuda:1")
    device.check_attention("flash_attention_2", "cuda")
    with pytest.raises(UserError, match="needs a GPU, and this run is on cpu"):
        device.check_attention("flash_attention_2", "cpu")


def test_flash_attention_computes_in_bf16_only() -> None:
    assert InfoNCE(attention="flash_attention_2", precision="bf16").attention == "flash_attention_2"
    with pytest.raises(ValueError, match=r"use train\.precision=bf16"):
        InfoNCE(attention="flash_attention_2")


def test_the_inference_batch_follows_the_device_unless_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.inference_batch(CPU) == 32
    assert device.inference_batch(CPU.model_copy(update={"inference_batch_size": 7})) == 7
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.inference_batch(CPU.model_copy(update={"device": "cuda"})) == 256


FLAGS = """
import torch
from experiments.execution import Execution
from experiments.models.device import use_device
before = torch.backends.cuda.matmul.allow_tf32
use_device(Execution(device="cpu"))
after = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
print(before, torch.get_float32_matmul_precision(), *after)
"""


@pytest.mark.parametrize("override", ["0", "1"])
def test_a_variable_of_torch_does_not_turn_tf32_on(override: str) -> None:
    variables = {**os.environ, "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": override}
    shown = subprocess.run([sys.executable, "-c", FLAGS], capture_output=True, text=True, check=True, env=variables)
    assert shown.stdout.split() == [str(override == "1"), "highest", "False", "False"]


def test_on_cuda_algorithms_are_deterministic_and_on_the_cpu_again_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
    for name in ("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "0")  # so that what is set is taken back
        monkeypatch.delenv(name)
    cuda = CPU.model_copy(update={"device": "cuda"})
    try:
        assert device.use_device(cuda) == "cuda"
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
        assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
        device.use_device(cuda.model_copy(update={"deterministic": False}))
        assert not torch.are_deterministic_algorithms_enabled()
        device.use_device(cuda)
    finally:
        device.use_device(CPU)
    assert not torch.are_deterministic_algorithms_enabled()


class _Model:
    def __init__(self) -> None:
        self.itself = self


def test_a_stage_leaves_no_model_even_after_it_ran_out_of_memory() -> None:
    models: list[weakref.ref[_Model]] = []

    @device.device_memory("lower the batch")
    def stage(*, fails: bool) -> None:
        model = _Model()
        models.append(weakref.ref(model))
        if fails:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of 3 GiB.")

    gc.disable()
    try:
        stage(fails=False)
        assert models[0]() is None
        with pytest.raises(UserError) as caught:
            stage(fails=True)
        assert str(caught.value) == "the GPU is out of memory (Tried to allocate 2.00 GiB): lower the batch"
        assert models[1]() is None
    finally:
        gc.enable()


def test_other_errors_of_a_stage_keep_their_name_but_what_does_not_repeat_is_one_line() -> None:
    @device.device_memory("")
    def stage(message: str) -> None:
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="shapes differ"):
        stage("shapes differ")
    told = "histc_cuda does not have a deterministic implementation, but you set 'torch.use_deterministic_algorithms'"
    with pytest.raises(UserError, match=r"^histc_cuda does not have .*: use execution\.deterministic=false"):
        stage(told)


def test_two_names_of_one_card_are_one_environment_and_the_cpu_s_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    here = environment.describe_environment(device="cpu", threads=2)
    assert list(here) == [
        *("python", "system", "machine", "processor", "matrix_units", "device", "threads", "packages"),
    ]
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    there = environment.describe_environment(device="cuda", threads=2)
    assert there == environment.describe_environment(device="cuda:0", threads=2)
    assert there["device"] == "cuda (NVIDIA H200)"
    assert set(there["cuda"]) == {"driver", "runtime", "cudnn", "tf32", "deterministic", "cublas_workspace"}
    assert {name: value for name, value in there.items() if name not in ("device", "cuda")} == {
        name: value for name, value in here.items() if name != "device"
    }


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n", "535.183.01"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n", "570.86.15"),
        ("something else\n", None),
    ],
)
def test_the_driver_s_version_is_read(text: str, version: str | None, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("driver") / "version"
    assert environment._driver(path) is None
    path.write_text(text, encoding="utf-8")
    assert environment._driver(path) == version
