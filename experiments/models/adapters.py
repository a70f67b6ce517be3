"""Low-rank adapters through peft: put into a base model, saved without it, read back onto it.

No run merges one into its base: in bf16 a merged weight would round most of what was learned away. In fp32 it can be,
for software that knows no adapters (`merge_adapter`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import LowRankAdapter
from experiments.errors import UserError
from experiments.models.reading import backbone_of, quiet_loading

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel

NAME = "default"
"""What peft calls the only adapter of a model."""
PREFIX = "base_model.model."
"""What peft puts before every weight's name in its files."""


def add_adapter(model: SentenceTransformer, adapter: LowRankAdapter, *, seed: int) -> None:
    """Put a fresh adapter in, trainable in fp32, and freeze all else; its first draw is a function of `seed`.

    The caller's random state is kept. Raises UserError for a target that the model does not have.
    """
    import torch
    from peft import LoraConfig

    backbone = backbone_of(model, what="student.adapter")
    check_targets(backbone, adapter.targets)
    lora = LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=list(adapter.targets),
        bias="none",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone.add_adapter(lora)
    # A path of this machine has no place in what is saved, and for a hub's name peft would ask the hub while saving.
    backbone.peft_config[NAME].base_model_name_or_path = None
    for weight in backbone.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()


def read_adapter(model: SentenceTransformer, folder: Path) -> None:
    """Put the adapter that `saved.save_model` wrote to `folder` onto its base, for inference."""
    backbone = backbone_of(model, what="student.adapter")
    with quiet_loading():
        backbone.load_adapter(str(folder), adapter_kwargs={"local_files_only": True})
    backbone.eval()


def merge_adapter(model: SentenceTransformer) -> None:
    """Add a loaded adapter to the weights of its base, in fp32, and take its layers out: a plain model is left.

    Vectors change by rounding. Raises UserError for a merged weight that is not finite.
    """
    from peft.tuners.lora import LoraLayer

    backbone = backbone_of(model, what="student.adapter").float()
    merged = {name: module for name, module in backbone.named_modules() if isinstance(module, LoraLayer)}
    for name, module in merged.items():
        try:
            module.merge(safe_merge=True)
        except ValueError as error:
            raise UserError(f"the adapter at {name} cannot be merged ({error}): train it again") from error
        parent, _, child = name.rpartition(".")
        setattr(backbone.get_submodule(parent), child, module.get_base_layer())
    del backbone.peft_config
    backbone._hf_peft_config_loaded = False
    # Loading the adapter has left its names' prefix there, which saving would put in front of every weight.
    vars(backbone).pop("_weight_conversions", None)


def continue_adapter(model: SentenceTransformer, folder: Path, adapter: LowRankAdapter, *, seed: int) -> None:
    """Put the adapter that `saved.save_model` wrote to `folder` onto its base for more training, in fp32 as saved.

    peft's own loader would round it to the base's dtype. seed: of the draw that is replaced. Raises UserError where
    what was saved does not fit `adapter`.
    """
    from safetensors.torch import load_file

    add_adapter(model, adapter, seed=seed)
    backbone = backbone_of(model, what="student.adapter")
    saved = {
        name.removeprefix(PREFIX).replace(".weight", f".{NAME}.weight"): weight
        for name, weight in load_file(folder / "adapter_model.safetensors").items()
    }
    own = {name: weight for name, weight in backbone.named_parameters() if weight.requires_grad}
    if {name: weight.shape for name, weight in own.items()} != {name: weight.shape for name, weight in saved.items()}:
        raise UserError(f"{folder}: the adapter there is not the one of its run's config: run that run again")
    for name, weight in own.items():
        weight.data.copy_(saved[name])


def check_targets(backbone: PreTrainedModel, targets: tuple[str, ...]) -> None:
    """Raises UserError unless the name of a linear layer ends in each target."""
    from torch import nn

    names = [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in names):
            ends = ", ".join(sorted({name.rpartition(".")[2] for name in names}))
            raise UserError(f"student.adapter.targets: the model has no linear layer {target!r} (it has: {ends})")
