"""Whole configs put together of one composition and of sections that single choices give, all plain data.

Hydra goes through some thirty files for a composition and takes 80 ms of processor time; the runs of a study differ in
a few choices, and a choice gives one section. So a section is composed by itself, by the same Hydra, from the choice's
file, and what the study's file sets of it is merged on top. Where a choice does more than that, nothing is answered and
the whole config is composed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.command.overrides import is_open

STUDY = "study"
WHOLE = frozenset({"scale", "search", STUDY})
"""Groups whose choices say more than the section of their name, or what others mean."""
NAMED = re.compile(r"[A-Za-z_]\w*")
INTERPOLATION = "${"


class Sections:
    """What single choices give, each composed once."""

    def __init__(self, loader: ConfigLoader) -> None:
        assert isinstance(loader, ConfigLoaderImpl)
        self._loader = loader
        self._files = CachingConfigRepository(loader.repository)  # a file is parsed once
        self._composed: dict[tuple[str, str], DictConfig | None] = {}
        self._plain: dict[tuple[str, str, str | None], dict[str, Any] | None] = {}

    def section(self, group: str, choice: str, study: str | None) -> dict[str, Any] | None:
        """The section `group` of a config with this choice, as the file of `study` (if any) changes it.

        None for a choice that fills other sections too or has an interpolation: only a whole composition can tell.
        """
        key = (group, choice, study)
        if key not in self._plain:
            self._plain[key] = self._merged(group, choice, study)
        return self._plain[key]

    def _merged(self, group: str, choice: str, study: str | None) -> dict[str, Any] | None:
        try:
            base = self._alone(group, choice)
            if base is None:
                return None
            file = OmegaConf.create() if study is None else self._file(f"{STUDY}/{study}")
            if group in file and not isinstance(file[group], DictConfig):
                return None
            merged = OmegaConf.merge(base, file[group]) if group in file else base
        except (HydraException, OmegaConfBaseException, yaml.YAMLError):
            return None  # the whole composition says what is wrong
        plain: dict[str, Any] = OmegaConf.to_container(merged, resolve=False)  # type: ignore[assignment]
        return None if any(interpolations(plain)) else plain

    def _alone(self, group: str, choice: str) -> DictConfig | None:
        if (group, choice) not in self._composed:
            defaults = create_defaults_list(
                self._files, f"{group}/{choice}", [], prepend_hydra=False, skip_missing=False
            )
            config = self._loader._compose_config_from_defaults_list(defaults.defaults, self._files)
            alone = list(config) == [group] and isinstance(config[group], DictConfig)
            self._composed[group, choice] = config[group] if alone else None
        return self._composed[group, choice]

    def _file(self, path: str) -> DictConfig:
        found = self._files.load_config(path)
        assert found is not None
        assert isinstance(found.config, DictConfig)
        return found.config


def interpolations(plain: Any) -> Iterator[str]:
    """Every text in plain data that stands for another value."""
    if isinstance(plain, str):
        if INTERPOLATION in plain:
            yield plain
    elif isinstance(plain, Mapping):
        for item in plain.values():
            yield from interpolations(item)
    elif isinstance(plain, list):
        for item in plain:
            yield from interpolations(item)


def sections_named(plain: Mapping[str, Any]) -> frozenset[str]:
    """The sections that interpolations may refer to; a word that names none does no harm."""
    return frozenset(word for text in interpolations(plain) for word in NAMED.findall(text))


def is_plain_choice(override: Override) -> bool:
    """Whether it gives one group of one section one choice."""
    return (
        _only_changes(override)
        and override.package is None
        and override.key_or_group not in WHOLE
        and not override.key_or_group.startswith("hydra")
        and isinstance(override.value(), str)
    )


def is_plain_value(override: Override) -> bool:
    """Whether it changes one key to a value that stands for itself."""
    return (
        _only_changes(override)
        and not is_open(str(override.key_or_group))
        and not isinstance(override.value(), dict)
        and not any(interpolations(override.value()))
    )


def _only_changes(override: Override) -> bool:
    """Whether it neither adds nor removes anything, and gives one value."""
    return not (override.is_delete() or override.is_add() or override.is_force_add() or override.is_sweep_override())


def copied(plain: Any) -> Any:
    """Plain data of its own; copy.deepcopy takes ten times as long, and a study copies it for every run."""
    if isinstance(plain, dict):
        return {key: copied(item) for key, item in plain.items()}
    return [copied(item) for item in plain] if isinstance(plain, list) else plain


def set_value(plain: dict[str, Any], raw: Mapping[str, Any], key: str, value: Any) -> bool:
    """Set a dotted key of resolved data as OmegaConf would; False, and nothing is done, where that is not so simple.

    raw: the same data before it was resolved.
    """
    *parents, last = key.split(".")
    node, there = plain, raw
    for part in parents:
        node, there = node.get(part), there.get(part)  # type: ignore[assignment]
        if not isinstance(node, dict) or not isinstance(there, Mapping):
            return False
    if last not in node or last not in there:
        return False
    before = there[last]
    if isinstance(before, (dict, list)) and value is not None and not isinstance(value, type(before)):
        return False
    if isinstance(value, list) and any(interpolations(before)):
        return False
    node[last] = copied(value)
    return True
