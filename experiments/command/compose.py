"""The one place where Hydra composes a config; `build` makes a typed run of it.

`from_hydra` takes a config that Hydra has composed, as in a launcher's job. `Composer` composes from override strings
itself (one Hydra composition per distinct set of group choices, since one costs 45 ms), so that a whole sweep is known
and checked before its first run. Every mistake is one UserError line.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.command import mistakes
from experiments.command.build import Composed, build
from experiments.command.data_paths import is_empty
from experiments.command.overrides import OPEN, drop_foreign, has_key, is_open, key_of, last_wins
from experiments.command.own_study import study_path
from experiments.command.presets import with_presets
from experiments.command.sections import (
    STUDY,
    Sections,
    copied,
    is_plain_choice,
    is_plain_value,
    sections_named,
    set_value,
)
from experiments.command.study_file import StudyFile, top_level_keys, yaml_line
from experiments.errors import UserError

CONF = Path(__file__).resolve().parents[2] / "conf"
CONFIG_NAME = "config"
DECLARED = ("study", "scale", "search")
"""Sections that declare many runs: no part of any one of them."""


def from_hydra(config: DictConfig, *, output: Path | None = None) -> Composed:
    """The run that a config of Hydra's names. output: where its logs go. Raises UserError in one line."""
    return build(resolved(config)[0], output=output)


def resolved(config: DictConfig) -> tuple[dict[str, Any], set[str]]:
    """Resolved plain data without the study's declaration, and the keys that its kinds do not have, now left out.

    Raises UserError for an interpolation that leads nowhere and for a command key that cannot be.
    """
    return _finished(_resolved(config))


def _resolved(config: DictConfig) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        where = f"{error.full_key}: " if error.full_key else ""
        raise UserError(where + mistakes.hydra_line(str(error))) from error
    for declared in DECLARED:
        plain.pop(declared, None)
    return plain


def _finished(plain: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    _check_command(plain)
    return with_presets(plain, preset), drop_foreign(plain)


@functools.cache
def preset(name: str) -> dict[str, Any]:
    """The values of conf/teacher/NAME.yaml, composed. Raises UserError for a teacher that is not there."""
    loader = make_loader()
    choices = list(loader.get_group_options("teacher"))
    if name not in choices:
        raise UserError(mistakes.unknown_choice(f"teacher={name}", "teacher", choices))
    config = loader.load_configuration(CONFIG_NAME, [f"teacher={name}"], run_mode=RunMode.RUN)
    values: dict[str, Any] = OmegaConf.to_container(config.teacher, resolve=True)  # type: ignore[assignment]
    return values


def make_loader() -> ConfigLoader:
    """Hydra's loader over conf/, without its global state."""
    add_plugins()
    setup_globals()
    return ConfigLoaderImpl(create_config_search_path(f"file://{CONF}"))


def add_plugins() -> None:
    """Put the folder that holds `hydra_plugins` on the import path, once: Hydra finds its sweeper there by itself."""
    folder = str(Path(__file__).resolve().parents[1] / "plugins")
    if folder not in sys.path:
        sys.path.append(folder)


@dataclass(frozen=True)
class _Root:
    """What all the runs of a study have in common, as plain data.

    raw: as composed. resolved: without the study's declaration. choices: group -> choice.
    named: the sections that interpolations may refer to.
    """

    raw: dict[str, Any]
    resolved: dict[str, Any]
    choices: dict[str, str]
    named: frozenset[str]


class Composer:
    """Override strings to configs. Only what the runs of a study have in common is composed as a whole."""

    def __init__(self, loader: ConfigLoader | None = None) -> None:
        self.loader = loader if loader is not None else make_loader()
        self._sections = Sections(self.loader)
        self._roots: dict[tuple[tuple[str, ...], tuple[str, ...]], _Root] = {}
        self._base_choices: dict[tuple[str, ...], dict[str, str]] = {}
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        self._bare: dict[tuple[tuple[str, ...], tuple[str, ...]], DictConfig] = {}
        self._skeletons: dict[tuple[str, ...], dict[str, Any]] = {}
        self._choices: dict[str, list[str]] = {}
        self._overrides: dict[str, Override] = {}
        self._study_files: dict[tuple[str, str], StudyFile] = {}

    def parse(self, arguments: Sequence[str]) -> list[Override]:
        """Parsed overrides; each names a choice that exists, and no group is given a list."""
        return [self._parsed(text) for text in arguments]

    def _parsed(self, text: str) -> Override:
        if text not in self._overrides:  # the runs of a study have most of their overrides in common
            try:
                (override,) = OverridesParser.create().parse_overrides([text])
            except HydraException as error:
                why = mistakes.hydra_line(str(error))
                raise UserError(f"{text}: cannot be read as KEY=VALUE, quote special characters ({why})") from error
            self._check_group(override)
            self._overrides[text] = override
        return self._overrides[text]

    def is_group(self, key: str) -> bool:
        """Whether a key is a config group."""
        return bool(key) and bool(self.choices(key))

    def choices(self, group: str) -> list[str]:
        """The choices of a group; none for what is no group."""
        if group not in self._choices:
            self._choices[group] = list(self.loader.get_group_options(group)) if "." not in group else []
        return self._choices[group]

    def config(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The composed, resolved config as plain data, without Hydra's own node and the study's declaration."""
        return self.compose(overrides)[0]

    def run(self, overrides: Sequence[str]) -> Composed:
        """The typed run that the overrides name. Raises UserError in one line."""
        config, dropped = self.compose(overrides)
        for override in overrides:
            if key_of(override) in dropped:
                raise UserError(mistakes.unknown_key(override, config))
        return build(config)

    def compose(self, overrides: Sequence[str]) -> tuple[dict[str, Any], set[str]]:
        """The config, and the keys of a study's common settings that do not apply to the kinds chosen here."""
        parsed = self.parse(last_wins(overrides))
        values = [one for one in parsed if not self._is_structural(one)]
        choices = [one for one in parsed if self._is_structural(one)]
        plain = self._put_together(choices, values)
        return _finished(self._composed(choices, values) if plain is None else plain)

    def _composed(self, choices: Sequence[Override], values: Sequence[Override]) -> dict[str, Any]:
        """The resolved config, composed as a whole."""
        groups, named = tuple(str(one.input_line) for one in choices), {_section(one) for one in values}
        config = copy.deepcopy(self._without(groups, tuple(name for name in DECLARED if name not in named)))
        for override in values:
            self._apply(override, config)
        return _resolved(config)

    def _put_together(self, choices: Sequence[Override], values: Sequence[Override]) -> dict[str, Any] | None:
        """The same from what is composed already; None where only a whole composition can tell."""
        wide = {_section(one) for one in values if not is_plain_value(one)}
        root = self._root(choices, [])
        sections = self._chosen_sections(choices, root)
        early = [one for one in values if _section(one) in {*wide, *root.named}]
        if sections is None or {_section(one) for one in early} & {*sections}:
            return None
        try:
            root = self._root(choices, early)
        except UserError:
            return None  # which key there is not is said of the whole config
        raw, plain = {**root.raw, **sections}, copied({**root.resolved, **sections})
        late = [one for one in values if one not in early]
        done = all(_section(one) in plain and set_value(plain, raw, str(one.key_or_group), one.value()) for one in late)
        return plain if done else None

    def _chosen_sections(self, choices: Sequence[Override], root: _Root) -> dict[str, dict[str, Any]] | None:
        """The sections of the plain choices; None where one cannot be had by itself."""
        study, found = root.choices.get(STUDY), {}
        for one in filter(is_plain_choice, choices):
            group, choice = str(one.key_or_group), str(one.value())
            before = root.choices.get(group)
            alone = before is not None and self._sections.section(group, before, study) is not None
            section = self._sections.section(group, choice, study) if alone else None
            if section is None or group in root.named:
                return None
            found[group] = section
        return found

    def _root(self, choices: Sequence[Override], early: Sequence[Override]) -> _Root:
        """The config under the choices that are not plain, with the values that others may refer to."""
        whole = [one for one in choices if not is_plain_choice(one)]
        groups, texts = (tuple(str(one.input_line) for one in listed) for listed in (whole, early))
        if (groups, texts) not in self._roots:
            base = self._base(groups)
            raw: dict[str, Any] = OmegaConf.to_container(base, resolve=False)  # type: ignore[assignment]
            run = {name: part for name, part in raw.items() if name not in DECLARED}
            resolved = self._composed(whole, early)
            self._roots[groups, texts] = _Root(raw, resolved, self._base_choices[groups], sections_named(run))
        return self._roots[groups, texts]

    def has_key(self, overrides: Sequence[str], key: str) -> bool:
        """Whether the choices among `overrides` compose to a config with this dotted key, set or not."""
        choices = self._structure(overrides)
        groups = tuple(str(one.input_line) for one in choices)
        if groups not in self._skeletons:
            self._skeletons[groups] = self._skeleton(choices)
        return has_key(self._skeletons[groups], OPEN if is_open(key) else key)

    def _skeleton(self, choices: Sequence[Override]) -> dict[str, Any]:
        root = self._root(choices, [])
        sections = self._chosen_sections(choices, root)
        if sections is None:
            return _mapping(self._base(tuple(str(one.input_line) for one in choices)))
        plain: dict[str, Any] = copied({**root.raw, **sections})
        drop_foreign(plain)
        return plain

    def _structure(self, overrides: Sequence[str]) -> list[Override]:
        parsed = self.parse(last_wins(overrides))
        return [one for one in parsed if self._is_structural(one)]

    def declared(self, overrides: Sequence[str], section: str) -> dict[str, Any] | None:
        """What a command line gives under `study`, `scale` or `search`, as plain data, or None."""
        parsed = [one for one in self.parse(last_wins(overrides)) if _section(one) in DECLARED]
        groups = [one for one in parsed if self._is_structural(one)]
        values = [one for one in parsed if one not in groups]
        config = self._base(tuple(str(one.input_line) for one in groups))
        if values:
            config = copy.deepcopy(config)
        for override in values:
            self._apply(override, config)
        found = config.get(section)
        return None if found is None else OmegaConf.to_container(found, resolve=True)  # type: ignore[return-value]

    def chosen(self, overrides: Sequence[str]) -> dict[str, str]:
        """Group -> choice of what the overrides compose to, of the groups that have a choice."""
        groups = tuple(str(one.input_line) for one in self._structure(overrides))
        self._base(groups)
        return dict(self._base_choices[groups])

    def study_file(self, name: str, group: str = "study") -> StudyFile:
        """The file of a study, or of a search, checked. Raises UserError naming file and line."""
        if (group, name) not in self._study_files:
            path, shown = study_path(name, conf=CONF, group=group)
            file = StudyFile.read(path, shown=shown, section=group)
            file.check(top_level_keys(CONF / f"{CONFIG_NAME}.yaml"), self.choices)
            self._study_files[group, name] = file
        return self._study_files[group, name]

    def _base(self, groups: tuple[str, ...]) -> DictConfig:
        if groups not in self._bases:
            try:
                config = self.loader.load_configuration(CONFIG_NAME, list(groups), run_mode=RunMode.RUN)
            except HydraException as error:
                raise UserError(mistakes.hydra_line(str(error), str(error.__cause__ or ""))) from error
            except yaml.YAMLError as error:
                raise UserError(yaml_line(error)) from error
            chosen = config.hydra.runtime.choices.items()
            self._base_choices[groups] = {str(group): str(choice) for group, choice in chosen if choice}
            names = [str(name) for name in config if name != "hydra"]
            task = OmegaConf.masked_copy(config, names)
            OmegaConf.set_struct(task, True)
            if has_key(_mapping(task), OPEN):
                OmegaConf.set_struct(OmegaConf.select(task, OPEN), False)
            if task.get("search") is not None:
                OmegaConf.set_struct(task.search, False)  # its schema knows which keys there are
            if task.get("study") is not None and isinstance(task.study.get("arms"), DictConfig):
                OmegaConf.set_struct(task.study.arms, False)  # a command line may add one; given.py checks it
            self._bases[groups] = task
        return self._bases[groups]

    def _without(self, groups: tuple[str, ...], sections: tuple[str, ...]) -> DictConfig:
        """The base without these sections: a study's declaration is most of what a copy for each run would cost."""
        if (groups, sections) not in self._bare:
            base = self._base(groups)
            bare = OmegaConf.masked_copy(base, [str(name) for name in base if name not in sections])
            OmegaConf.set_struct(bare, True)
            self._bare[groups, sections] = bare
        return self._bare[groups, sections]

    def _is_structural(self, override: Override) -> bool:
        return self.is_group(override.key_or_group) or override.key_or_group.startswith("hydra")

    def _apply(self, override: Override, config: DictConfig) -> None:
        text = str(override.input_line)
        if _section(override) not in config:
            raise UserError(mistakes.unknown_key(text, _mapping(config)))
        try:
            ConfigLoaderImpl._apply_overrides_to_config([override], config)
        except HydraException as error:
            raise UserError(mistakes.unknown_key(text, _mapping(config))) from error

    def _check_group(self, override: Override) -> None:
        group = override.key_or_group
        choices = self.choices(group) if group else []
        if not choices or override.is_sweep_override():
            return
        value, text = override.value(), str(override.input_line)
        if isinstance(value, (list, dict)) or (isinstance(value, str) and "${" in value):
            raise UserError(f"{text}: the group {group} takes one choice: sweep with -m and {group}=a,b")
        if value is None and not override.is_delete():
            raise UserError(f"{text}: the group {group} needs a choice (it has: {', '.join(choices)})")
        if value is not None and str(value) not in choices:
            raise UserError(mistakes.unknown_choice(text, group, choices))
        if group in {"study", "search"} and value is not None:
            self.study_file(str(value), group)


def _check_command(plain: Mapping[str, Any]) -> None:
    """The keys that are neither a run's nor its execution's."""
    if not isinstance(plain["dry_run"], bool):
        raise UserError(f"dry_run={plain['dry_run']}: should be true or false")
    if is_empty(plain["outputs"]):
        raise UserError("outputs is empty: give the folder that everything is written under")
    if is_empty(plain["execution"]["store"]):
        raise UserError("execution.store is empty: give the folder that artifacts and records are kept in")


def _section(override: Override) -> str:
    return str(override.key_or_group).partition(".")[0]


def _mapping(config: DictConfig) -> dict[str, Any]:
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=False)  # type: ignore[assignment]
    drop_foreign(plain)
    return plain
