"""Students on disk: saved without optimizer or card, read back without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import Precision
from experiments.execution import Execution
from experiments.models.device import resolve_device
from experiments.models.reading import quiet_loading

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def save_model(model: SentenceTransformer, folder: Path) -> None:
    """Weights, tokenizer, prompts and modules; of a model with an adapter only the adapter's weights."""
    from experiments.models.static import as_saved

    with quiet_loading():
        as_saved(model).save_pretrained(str(folder), create_model_card=False)


def load_model(
    folder: Path, *, execution: Execution, precision: Precision, attention: str, trust_remote_code: bool = False
) -> SentenceTransformer:
    """What `save_model` wrote, in evaluation mode; `precision` is the dtype of the weights."""
    import torch
    from sentence_transformers import SentenceTransformer

    from experiments.models.static import with_static_reader

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    with quiet_loading():
        model = SentenceTransformer(
            str(folder),
            device=resolve_device(execution),
            local_files_only=True,
            trust_remote_code=trust_remote_code,
            model_kwargs={"dtype": dtype, "attn_implementation": attention},
        )
    return with_static_reader(model, precision=precision).eval()
