"""What a result may depend on beyond its config: recorded, never part of a run's name."""

from __future__ import annotations

import platform
import resource
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

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
MATRIX_FLAGS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")


def describe_environment(*, device: str, threads: int) -> dict[str, Any]:
    """Python, packages, processor and its matrix units, device and thread count: plain JSON values."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "matrix_units": _matrix_units(),
        "device": _device_name(device),
        "threads": threads,
        "packages": {name: version for name in PACKAGES if (version := _version(name)) is not None},
    }


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

    return f"{device} ({torch.cuda.get_device_name(device)})"


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


def peak_memory_mb() -> float:
    """The most memory that this process has held so far, in MiB."""
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
