"""What training changes of a model, as a checkpoint holds it: the rest is read from where the model comes from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

FILE = "weights.pt"


def save_weights(model: nn.Module, folder: Path) -> None:
    """Trained parameters and buffers; frozen parameters are left out, such as the base of an adapter."""
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    torch.save({name: value for name, value in model.state_dict().items() if name not in frozen}, folder / FILE)


def load_weights(model: nn.Module, folder: Path) -> None:
    """Put them into a model built alike. Raises RuntimeError for one that has other parameters."""
    stored = torch.load(folder / FILE, map_location="cpu", weights_only=True)
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    missing, unexpected = model.load_state_dict(stored, strict=False)
    if unexpected or not frozen.issuperset(missing):
        raise RuntimeError(f"{folder} holds the weights of another model: {[*unexpected, *missing]}")
