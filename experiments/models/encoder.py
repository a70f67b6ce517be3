"""A config.Encoder as a SentenceTransformer: which weights, which layers, how it reads a text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.config import Encoder, Precision, Pretrained, Value, encoders_in
from experiments.errors import MissingModelError, UserError, first_line
from experiments.execution import Execution
from experiments.models.device import resolve_device
from experiments.models.reading import (
    backbone_of,
    finish,
    keep_layers,
    let_pad,
    quiet_loading,
    set_max_length,
    set_pooling,
)
from experiments.models.weights import (
    ALTERNATIVE,
    EMBEDDED_NAME,
    EMBEDDED_SHA256,
    check_hub,
    embedded_minilm,
    folder_revision,
    is_commit,
    resolve_commit,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

EMBEDDED_LENGTH = 256
"""Tokens all-MiniLM-L6-v2 was tuned on, as its own files say."""
DROPOUT_FIELDS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout", "dropout")
"""What the architectures' configs call their dropout rates."""


def load_encoder(
    encoder: Encoder,
    *,
    execution: Execution,
    dropout: float | None = None,
    attention: str | None = None,
    precision: Precision = "fp32",
) -> SentenceTransformer:
    """The encoder on its device, in evaluation mode, its prompts under "query" and "document".

    `dropout` and `attention` (eager | sdpa | flash_attention_2) replace what the model's files say; `precision` is the
    dtype of the weights. Raises MissingModelError when the weights cannot be had, UserError for what they cannot do.
    """
    if encoder.source == "embedded_static" and dropout:
        raise UserError(f"train.dropout={dropout}: {encoder.name} has no layers to drop from: use 0 or null")
    model = _load(encoder, execution, dropout=dropout, attention=attention, precision=precision)
    let_pad(model)
    if encoder.layers is not None:
        keep_layers(backbone_of(model, what=f"layers={list(encoder.layers)}"), encoder.layers)
    if encoder.pooling is not None:
        set_pooling(model, encoder.pooling)
    if encoder.max_length is not None:
        set_max_length(model, encoder.max_length)
    return finish(model, encoder)


def load_fitted(
    folder: Path,
    encoder: Encoder,
    *,
    execution: Execution,
    dropout: float | None = None,
    attention: str | None = None,
    precision: Precision = "fp32",
) -> SentenceTransformer:
    """A model this software saved (`save_pretrained`), read as `encoder` says; its layers are chosen already."""
    saved = encoder.model_copy(update={"name": str(folder), "source": "folder", "revision": None, "layers": None})
    here = execution.model_copy(update={"model_paths": {str(folder): folder}})
    return load_encoder(saved, execution=here, dropout=dropout, attention=attention, precision=precision)


def weights_identity(encoder: Pretrained, *, execution: Execution) -> dict[str, str | None]:
    """What names somebody's weights: the checksum where they are embedded, else name and revision."""
    if encoder.source in {"embedded", "embedded_static"}:
        return {"source": encoder.source, "name": EMBEDDED_NAME, "revision": EMBEDDED_SHA256["model.safetensors"]}
    if encoder.source == "folder":
        return {"source": "folder", "name": None, "revision": folder_revision(_folder(encoder, execution))}
    return {"source": "hub", "name": encoder.name, "revision": resolve_commit(encoder.name, encoder.revision)}


def resolved_models(values: Iterable[Value]) -> dict[str, str]:
    """Name -> commit of the hub models in these parts of a config whose revision names no commit."""
    return {
        encoder.name: resolve_commit(encoder.name, encoder.revision)
        for value in values
        for encoder in encoders_in(value)
        if encoder.source == "hub" and not is_commit(encoder.revision)
    }


def _load(
    encoder: Encoder, execution: Execution, *, dropout: float | None, attention: str | None, precision: Precision
) -> SentenceTransformer:
    from experiments.models.static import with_static_reader

    place, options = locate(encoder, execution)
    options["device"] = resolve_device(execution)
    options["model_kwargs"] = model_options(attention, precision)
    with loading(encoder.name):
        if dropout is not None and encoder.source != "embedded_static":
            options["config_kwargs"] = _dropout_options(place, dropout, options)
        build = {"embedded": _embedded, "embedded_static": _embedded_static}.get(encoder.source, _sentence_transformer)
        return with_static_reader(build(place, options), precision=precision)


@contextlib.contextmanager
def loading(name: str) -> Iterator[None]:
    """A library's errors while it loads the model `name`, as one line."""
    try:
        with quiet_loading():
            yield
    except ImportError as error:
        raise UserError(f"{name} needs what is not installed here ({first_line(error)})") from error
    except (OSError, ValueError) as error:
        raise MissingModelError(f"{name} cannot be loaded ({first_line(error)}): {ALTERNATIVE}") from error


def locate(encoder: Pretrained, execution: Execution) -> tuple[str, dict[str, Any]]:
    """Where a library reads the weights, a folder or a hub's name, and how. Raises UserError if they are not there."""
    if encoder.source in {"embedded", "embedded_static"}:
        return str(embedded_minilm()), {}
    if encoder.source == "folder":
        folder = _folder(encoder, execution)
        found = folder_revision(folder)
        if encoder.revision not in (None, found):
            raise UserError(
                f"{folder} has changed: its digest is {found}, the run names {encoder.revision}: start the run anew"
            )
        return str(folder), {"trust_remote_code": encoder.trust_remote_code, "local_files_only": True}
    online = check_hub(encoder.name, encoder.revision)
    return encoder.name, {
        "revision": resolve_commit(encoder.name, encoder.revision),
        "trust_remote_code": encoder.trust_remote_code,
        "local_files_only": not online,
    }


def _folder(encoder: Pretrained, execution: Execution) -> Path:
    path = execution.model_paths.get(encoder.name)
    if path is None:
        known = ", ".join(sorted(execution.model_paths)) or "none"
        raise MissingModelError(
            f"no path for the model folder {encoder.name!r} (known: {known}): give its path as the name"
        )
    if not path.is_dir():
        raise MissingModelError(f"{path} is no folder: check the path, or {ALTERNATIVE}")
    return path


def model_options(attention: str | None, precision: Precision) -> dict[str, Any]:
    """What transformers is told when it loads weights: their dtype, and which attention."""
    import torch

    options: dict[str, Any] = {"dtype": torch.bfloat16 if precision == "bf16" else torch.float32}
    if attention is not None:
        options["attn_implementation"] = attention
    return options


def _dropout_options(place: str, dropout: float, options: Mapping[str, Any]) -> dict[str, float]:
    from transformers import AutoConfig

    reading = {name: options[name] for name in ("revision", "trust_remote_code") if name in options}
    config = AutoConfig.from_pretrained(place, **reading)
    return {field: dropout for field in DROPOUT_FIELDS if hasattr(config, field)}


def _embedded(place: str, options: dict[str, Any]) -> SentenceTransformer:
    """Its modules are named here, so that nothing in the third party's module list is ever imported."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(
        place,
        model_kwargs=options["model_kwargs"],
        config_kwargs=options.get("config_kwargs"),
        max_seq_length=EMBEDDED_LENGTH,
    )
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    return SentenceTransformer(modules=[transformer, pooling], device=options["device"])


def _embedded_static(place: str, options: dict[str, Any]) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    from experiments.models.static import static_of

    return SentenceTransformer(modules=[static_of(Path(place))], device=options["device"])


def _sentence_transformer(place: str, options: dict[str, Any]) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(place, **options)
