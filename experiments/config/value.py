"""What every config value is: frozen, closed, finite; and the types that several rooms share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share between 0 and 1."""
MOST = 2**31 - 1
"""Larger whole numbers overflow in what reads them (torch, NumPy, Arrow), long after a run was accepted."""
Count = Annotated[int, Field(ge=1, le=MOST)]
Size = Annotated[int, Field(ge=0, le=MOST)]
Seed = Annotated[int, Field(ge=-MOST, le=MOST)]
Precision = Literal["fp32", "bf16"]
Pooling = Literal["mean", "cls", "lasttoken"]


class Value(BaseModel):
    """Frozen, closed, finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
