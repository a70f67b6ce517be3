"""Where a model runs."""

from __future__ import annotations

from experiments.errors import UserError
from experiments.execution import Execution


def resolve_device(execution: Execution) -> str:
    """A torch device name; "auto" is CUDA where there is one. Raises UserError for a device that is not here."""
    import torch

    if execution.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
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
