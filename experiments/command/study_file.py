"""A study's or search's YAML file before Hydra reads it: mistakes in it are one line that names file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from experiments.command.mistakes import did_you_mean
from experiments.errors import UserError

PACKAGE = re.compile(r"^#\s*@package\s+_global_\s*$", re.MULTILINE)

CONTENT = {"study": "arms", "search": "space"}
"""Section -> what it holds beside a name."""

Choices = Callable[[str], Sequence[str]]
"""The choices of a config group; none for what is no group."""


@dataclass(frozen=True)
class StudyFile:
    """A study's file as YAML nodes, which know their lines. shown: the path as messages give it.

    section: the key that declares it, "study" or "search".
    """

    shown: str
    root: yaml.MappingNode
    section: str = "study"

    @classmethod
    def read(cls, path: Path, *, shown: str | None = None, section: str = "study") -> StudyFile:
        """Raises UserError for what is no YAML mapping with such a section. shown: None = the end of the path."""
        shown = shown or f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
        try:
            text = path.read_text(encoding="utf-8")
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise UserError(f"{shown}: not UTF-8 text ({error.reason}): save it as UTF-8") from error
        except yaml.YAMLError as error:
            raise UserError(yaml_line(error, shown)) from error
        if not isinstance(root, yaml.MappingNode):
            raise UserError(f"{shown}:1: no settings: begin with '# @package _global_' and a section '{section}:'")
        if not PACKAGE.search(text):
            raise UserError(f"{shown}:1: without a line '# @package _global_' Hydra would put it all under {section}")
        return cls(shown, root, section)

    def check(self, names: Collection[str], choices: Choices) -> None:
        """Raises UserError for a key twice, a key that configs do not have (`names`), or defaults that name nothing."""
        for node in _mappings(self.root):
            self._check_once(node)
        for key, value in self.root.value:
            if key.value not in {*names, "defaults", "hydra"}:
                raise UserError(f"{self._at(key)}: no such key {key.value!r}{did_you_mean(key.value, names)}")
            if key.value == "defaults":
                self._check_defaults(value, choices)
            if key.value == self.section and not isinstance(value, yaml.MappingNode):
                name, holds = self.section, CONTENT[self.section]
                raise UserError(f"{self._at(value)}: {name} should be a mapping: {name}: {{name: ..., {holds}: ...}}")
        if self.section not in {key.value for key, _ in self.root.value}:
            raise UserError(
                f"{self.shown}:1: there is no section '{self.section}:' with a name and {CONTENT[self.section]}"
            )

    def where(self, keys: Sequence[str], *, exact: bool = False) -> str:
        """`conf/study/demo.yaml:12`, the line that comes nearest to a key; empty where the file says nothing of it.

        exact: only the line of the key itself.
        """
        node: yaml.Node = self.root
        line = None
        for part in keys:
            found = _child(node, part)
            if found is None:
                line = None if exact else line
                break
            line, node = found
        return "" if line is None else f"{self.shown}:{line}"

    def _at(self, node: yaml.Node) -> str:
        return f"{self.shown}:{node.start_mark.line + 1}"

    def _check_once(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise UserError(f"{self._at(key)}: {key.value!r} is given more than once: give it once")
            seen.add(key.value)

    def _check_defaults(self, node: yaml.Node, choices: Choices) -> None:
        for item in node.value if isinstance(node, yaml.SequenceNode) else []:
            for key, value in item.value if isinstance(item, yaml.MappingNode) else []:
                group = key.value.removeprefix("override ").strip().lstrip("/")
                if not choices(group):
                    raise UserError(f"{self._at(key)}: there is no group {group!r}")
                if not key.value.startswith("override "):
                    raise UserError(f"{self._at(key)}: write 'override /{group}: {value.value}'")
                if isinstance(value, yaml.ScalarNode) and value.value not in choices(group):
                    near = did_you_mean(value.value, choices(group))
                    raise UserError(f"{self._at(value)}: the group {group} has no {value.value!r}{near}")


def top_level_keys(config: Path) -> list[str]:
    """The keys and groups of the primary config, without composing it."""
    data = yaml.safe_load(config.read_text(encoding="utf-8"))
    groups = [group for item in data["defaults"] if isinstance(item, dict) for group in item]
    return [key for key in (*data, *groups) if key != "defaults" and not key.startswith("override ")]


def yaml_line(error: yaml.YAMLError, shown: str = "") -> str:
    """What is wrong with a YAML file, its name and its line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "cannot be read"
    if "\\t" in problem:
        problem = "a tab: indent with spaces"
    if mark is None:
        return f"{shown}: no YAML ({problem})"
    return f"{shown or mark.name}:{mark.line + 1}: no YAML ({problem})"


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _mappings(item)


def _child(node: yaml.Node, part: str) -> tuple[int, yaml.Node] | None:
    """The line of a key or list item, and its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item.start_mark.line + 1, item
    return None
