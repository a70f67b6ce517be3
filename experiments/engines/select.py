"""The encoders that `execution.engine` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from experiments.engines.encoders import Encoders, Encoding, Load, OneProcess, Tell
from experiments.engines.pool import pool
from experiments.engines.ray_encoders import encoders_on_ray
from experiments.execution import Execution


@contextmanager
def encoders_of(load: Load, encoding: Encoding, *, rows: int, tell: Tell, execution: Execution) -> Iterator[Encoders]:
    """Ready to encode shards of `rows` texts, until the block ends. Raises UserError for an engine that is not here."""
    if execution.engine == "ray":
        with encoders_on_ray(load, encoding, rows=rows, tell=tell, execution=execution) as workers:
            yield workers
    elif execution.engine == "pool":
        with pool(load, encoding, tell=tell, execution=execution) as processes:
            yield processes
    else:
        yield OneProcess(load(execution=execution), encoding, tell)
