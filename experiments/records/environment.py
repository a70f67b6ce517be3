"""What a result may depend on beyond its config: recorded, never part of a run's name."""

from __future__ import annotations

import functools
import logging
import os
import platform
import re
import resource
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

screen = logging.getLogger("experiments.screen")
PACKAGES = (
    "accelerate",
    "bm25s",
    "faiss-cpu",
    "mteb",
    "numpy",
    "pytrec-eval-terrier",
    "sentence-transformers",
    "tokenizers",
    "torch",
    "transformers",
)
DRIVER = Path("/proc/driver/nvidia/version")
MATRIX_FLAGS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")


def describe_environment(*, device: str, threads: int) -> dict[str, Any]:
    """Python, packages, processor and its matrix units, device and thread count: plain JSON values.

    On a GPU also "cuda": driver, CUDA and cuDNN, and how it computes. A run on the CPU has no such entry.
    """
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "matrix_units": _matrix_units(),
        "device": _device_name(device),
        "threads": threads,
        "packages": {name: version for name in PACKAGES if (version := _version(name)) is not None},
        **({"cuda": _cuda()} if device.startswith("cuda") else {}),
    }


def _cuda() -> dict[str, Any]:
    import torch

    return {
        "driver": _driver(DRIVER),
        "runtime": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    }


def _driver(path: Path) -> str | None:
    """NVIDIA's driver, "570.86.15"; None where the system does not tell it."""
    found = (
        re.search(r"Kernel Module\s+(?:for \S+\s+)?(\d[\d.]+)", path.read_text(encoding="utf-8"))
        if path.is_file()
        else None
    )
    return found[1] if found else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == field:
            return value.strip()
    return ""


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or "unknown"


def _matrix_units() -> list[str]:
    present = set(_cpuinfo("flags").split())
    return [flag for flag in MATRIX_FLAGS if flag in present]


def _device_name(device: str) -> str:
    if not device.startswith("cuda"):
        return device
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})"  # `cuda` and `cuda:0` are one environment


@functools.cache
def say_device(device: str, *, threads: int) -> None:
    """Show once a process where its runs are computed."""
    where = _device_name(device)
    screen.info("      device: %s", f"{where}, {threads} thread(s)" if device == "cpu" else where)


def use_threads(threads: int | None) -> None:
    """Have torch use so many threads; None leaves its own choice."""
    if threads is None:
        return
    import torch

    torch.set_num_threads(threads)


def threads_used(threads: int | None) -> int:
    """The threads that torch works with: those asked for, else its own choice."""
    import torch

    return threads or torch.get_num_threads()


def peak_gpu_memory_mb(device: str) -> dict[str, float]:
    """The most memory of the card that this run has held, in MiB, by name; nothing on a CPU."""
    if not device.startswith("cuda"):
        return {}
    import torch

    return {"peak_gpu_memory_mb": round(torch.cuda.max_memory_allocated(device) / 1024**2, 0)}


def peak_memory_mb(who: int = resource.RUSAGE_SELF) -> float:
    """The most memory that this process, or with RUSAGE_CHILDREN one it has waited for, has held so far, in MiB."""
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss / unit
