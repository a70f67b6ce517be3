"""Where a model runs, and how it computes there: fp32 is fp32, and on CUDA one seed gives one set of weights."""

from __future__ import annotations

import functools
import gc
import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.errors import UserError
from experiments.execution import Execution

log = logging.getLogger("experiments")
CPU_BATCH, CUDA_BATCH = 32, 256
"""Texts encoded together in fp32 where `execution.inference_batch_size` is null."""
WORKSPACES = (":4096:8", ":16:8")
"""Values of CUBLAS_WORKSPACE_CONFIG under which cuBLAS repeats its results (NVIDIA's documentation of cuBLAS)."""


def resolve_device(execution: Execution) -> str:
    """A torch device name; "auto" is CUDA where there is one. Raises UserError for a device that is not here."""
    import torch

    if execution.device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        _warn_of_unusable_cuda()
        return "cpu"
    try:
        device = torch.device(execution.device)
    except RuntimeError as error:
        raise UserError(f"execution.device={execution.device!r} is no torch device: use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"execution.device={execution.device} but torch sees no GPU here: use execution.device=cpu")
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise UserError(
            f"execution.device={execution.device} but torch sees {torch.cuda.device_count()} GPU(s): use a lower number"
        )
    return execution.device


@functools.cache
def _warn_of_unusable_cuda() -> None:
    import torch

    if torch.version.cuda is not None and os.environ.get("CUDA_VISIBLE_DEVICES") != "":
        log.warning(
            "torch is built for CUDA %s but can use no GPU here (see nvidia-smi): running on the CPU",
            torch.version.cuda,
        )


def is_cuda(device: str) -> bool:
    """Whether a torch device name is a GPU's."""
    return device.partition(":")[0] == "cuda"


def has_bf16_units(device: str) -> bool:
    """Whether the device multiplies bf16 in hardware; without it bf16 is 4 (AVX-512) to 50 (AVX2) times as slow."""
    import torch

    if is_cuda(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return any((torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_amx_tile_supported()))


def device_in_key(device: str) -> dict[str, str]:
    """What a device adds to the key of what was trained on it: its type, since its draws are others; a CPU nothing."""
    kind = device.partition(":")[0]
    return {} if kind == "cpu" else {"device": kind}


def check_training_device(device: str) -> None:
    """Raises UserError for a device that the Trainer does not train on."""
    if device not in ("cpu", "cuda", "cuda:0"):
        raise UserError(
            f"execution.device={device}: training runs on the first visible GPU: "
            "use CUDA_VISIBLE_DEVICES to choose it and execution.device=cuda"
        )


def check_attention(attention: str, device: str) -> None:
    """Raises UserError for an attention that has no kernel on the device."""
    if attention == "flash_attention_2" and not is_cuda(device):
        raise UserError(f"train.attention=flash_attention_2 needs a GPU, and this run is on {device}: use sdpa")


def inference_batch(execution: Execution) -> int:
    """Texts encoded together in fp32."""
    return execution.inference_batch_size or (CUDA_BATCH if is_cuda(resolve_device(execution)) else CPU_BATCH)


def use_device(execution: Execution) -> str:
    """The device of a run, set up before anything runs on it.

    No TF32, whatever TORCH_ALLOW_TF32_CUBLAS_OVERRIDE and NVIDIA_TF32_OVERRIDE say; on CUDA deterministic algorithms
    (unless `execution.deterministic` is false), and a fresh count of the card's memory. Raises UserError as
    `resolve_device` does.
    """
    import torch

    device = resolve_device(execution)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if is_cuda(device) else "false")
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    deterministic = is_cuda(device) and execution.deterministic
    if torch.are_deterministic_algorithms_enabled() != deterministic:
        torch.use_deterministic_algorithms(deterministic)
    if is_cuda(device):
        _use_cuda(device, deterministic=deterministic)
    return device


def _use_cuda(device: str, *, deterministic: bool) -> None:
    """The variables are read when the first product is computed, the rest at once."""
    import torch

    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
    if deterministic and os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in WORKSPACES:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = WORKSPACES[0]
    torch.backends.cudnn.benchmark = False
    torch.cuda.reset_peak_memory_stats(device)


@contextmanager
def device_memory(mend: str) -> Iterator[None]:
    """Around a stage's work, best as a decorator, so that the stage's own models are gone when it ends.

    What is garbage is freed and given back to the card. Raises UserError, which says what to `mend`, where the card's
    memory does not suffice, or where an operation cannot be repeated to the last bit.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        traceback.clear_frames(error.__traceback__)  # they hold the model, and the error is kept by who reports it
        raise UserError(f"the GPU is out of memory ({_asked(str(error))}): {mend}") from error
    except RuntimeError as error:
        if "does not have a deterministic implementation" not in str(error):
            raise
        raise UserError(
            f"{str(error).split(',')[0]}: use execution.deterministic=false, under which a run does not repeat to the "
            "last bit"
        ) from error
    finally:
        gc.collect()
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()


def _asked(message: str) -> str:
    """`Tried to allocate 2.00 GiB`, of what torch tells in a paragraph."""
    return next((part.strip() for part in message.split(". ") if "Tried to allocate" in part), "no size is told")
