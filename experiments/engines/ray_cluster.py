"""A Ray cluster: one that is there, or one that is started on this machine and ends with the block."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from experiments.errors import UserError


@contextmanager
def cluster(init: Mapping[str, Any], *, asked: str, key: str) -> Iterator[ModuleType]:
    """The module `ray`, initialised with what `init` holds that is not None; where it already is, as it is.

    asked: the setting that needs Ray. key: the setting that holds the address. Raises UserError where Ray is not
    installed or no such cluster answers.
    """
    ray = load_ray(asked)
    ours = not ray.is_initialized()
    if ours:
        _start(ray, {name: value for name, value in init.items() if value is not None}, key)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def load_ray(asked: str) -> ModuleType:
    """The module. Raises UserError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise UserError(f"{asked} needs Ray: pip install -e '.[ray]'") from error
    module: ModuleType = ray
    return module


def last_line(error: BaseException) -> str:
    """What Ray says in the end of a worker or task that was lost, after where and how."""
    return str(error).strip().splitlines()[-1].strip()


def _start(ray: ModuleType, given: Mapping[str, Any], key: str) -> None:
    try:
        _reach(str(given.get("address", "")))
        ray.init(logging_level=logging.WARNING, **given)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{key}={given.get('address')}: no Ray cluster answers ({why})") from error


def _reach(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray itself tries again for many minutes."""
    if place := re.fullmatch(r"([\w.-]+):(\d+)", address):
        socket.create_connection((place[1], int(place[2])), timeout=10).close()
