"""Names for values: canonical JSON, digests, derived seeds.

A name is a digest of everything that can change a number and of nothing else (experiments/README.md, Identity).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

DIGEST_LENGTH = 16


def canonical_json(value: Any) -> str:
    """Compact JSON with sorted keys. Raises TypeError for a value that has no stable form, ValueError for NaN."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """First 16 hex digits of the sha256 of `canonical_json(value)`."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()[:DIGEST_LENGTH]


def derive_seed(seed: int, *factors: str | int) -> int:
    """A 32-bit seed for one declared use: arms that share the factors share the draw."""
    payload = canonical_json([seed, list(factors)]).encode("utf-8")
    return int.from_bytes(hashlib.sha256(payload).digest()[:4], "little")


def identity_payload(model: BaseModel) -> dict[str, Any]:
    """The fields of a config that name it: all of them, less those that hold their declared neutral value.

    A field added after the first release declares ``json_schema_extra={"neutral": value}`` so that it does not rename
    the runs made before it existed.
    """
    payload: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        extra = field.json_schema_extra
        if isinstance(extra, Mapping) and "neutral" in extra and _plain(value) == extra["neutral"]:
            continue
        payload[name] = _plain(value)
    return payload


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return identity_payload(value)
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} has no canonical form: configs hold finite numbers only")
            return value
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise TypeError("mapping keys must be strings to have a canonical form")
            return {key: _plain(item) for key, item in value.items()}
        case Sequence():
            return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form: convert it to numbers, strings, lists or mappings")
