"""Values as people type them, quoted for Hydra where its grammar cannot read them.

Hydra's grammar gives `=`, `,`, `~`, `#`, brackets, quotes and letters outside ASCII a meaning of its own or none, so a
folder called `a=b` could not be named. What the grammar cannot read is taken to mean itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString, Transformer
from hydra.errors import HydraException

from experiments.command.overrides import OWN_ARM, write_value
from experiments.entry import shell
from experiments.errors import UserError

ONE_VALUE = ("outputs", "execution.store", "execution.beir_home")
"""Keys that are never swept: a comma is part of the folder's name."""

KEY = re.compile(r"\+{0,2}[A-Za-z_][\w./@-]*$")

WORD = re.compile(r"[A-Za-z_/][\w./-]*$", re.ASCII)

NOT_TEXT = ("null", "true", "false", "nan", "inf")


def accept(arguments: Sequence[str], *, many: bool) -> list[str]:
    """Arguments as Hydra reads them: values are quoted where they would be refused, cut or taken for a sweep.

    many: whether -m was given, so that a comma separates values.
    """
    return [_accept(_with_quoted_items(text), many=many) for text in arguments]


def _with_quoted_items(text: str) -> str:
    """`study.arms.NAME=[a=b,c=d]` with each override in quotes, without which Hydra reads no list of overrides."""
    key, _, value = text.partition("=")
    if not (key.startswith(OWN_ARM) and value.startswith("[") and value.endswith("]")):
        return text
    return f"{key}=[{','.join(map(_quoted, _items(value[1:-1])))}]"


def _accept(text: str, *, many: bool) -> str:
    key, equals, value = text.partition("=")
    if not (equals and value and KEY.match(key)):
        return text
    parsed = _parsed(text)
    if parsed is not None and not parsed.is_sweep_override():
        return f"{key}={write_value(value)}" if _was_cut(parsed, value) else text
    if value[0] in "'\"[{":
        return text
    if (parsed is not None and key not in ONE_VALUE) and not _is_there(key, value):
        return text
    if many and key not in ONE_VALUE and not _is_there(key, value):
        return f"{key}={','.join(write_value(part) for part in value.split(','))}"
    return f"{key}={write_value(value)}"


def _items(listed: str) -> list[str]:
    """What the commas outside brackets and quotes separate."""
    items, depth, quote = [""], 0, ""
    for letter in listed:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += 0 if quote else (letter in "[{(") - (letter in ")}]")
        if letter == "," and not quote and not depth:
            items.append("")
        else:
            items[-1] += letter
    return [item.strip() for item in items if item.strip()]


def _quoted(item: str) -> str:
    """An override inside a list, which Hydra reads as text only when it stands in quotes."""
    return item if item[0] in "'\"" else write_value(item)


def _parsed(text: str) -> Override | None:
    try:
        (override,) = OverridesParser.create().parse_overrides([text])
    except HydraException:
        return None
    return override


def _was_cut(parsed: Override, value: str) -> bool:
    """Whether blanks at the ends of an unquoted text were lost (a prompt's last blank is part of it)."""
    read = parsed.value()
    return type(read) is str and read != value and read == value.strip()


def _is_there(key: str, value: str) -> bool:
    """Whether a path with commas is there as it was typed."""
    return key == "data.path" and Path(value).expanduser().exists()


def swept(override: Override) -> list[str]:
    """`key=value` for every value of a discrete sweep."""
    key = override.get_key_element()
    return [f"{key}={_written(value)}" for value in override.sweep_iterator(transformer=Transformer.identity)]


def one_value(override: Override) -> str:
    """The override without the choice(...) that the command line put around it. Raises UserError for a sweep."""
    text = str(override.input_line)
    if not override.is_sweep_override():
        return text
    texts = swept(override) if override.is_discrete_sweep() else []
    if len(texts) != 1:
        raise UserError(f"{text}: a study takes one value from the command line: give it blocks for more")
    return texts[0]


def typed(override: Override) -> str:
    """The override as it was typed: a sweep stays one, but for the choice(...) around a single value."""
    values = swept(override) if override.is_discrete_sweep() else []
    return values[0] if len(values) == 1 else str(override.input_line)


def _written(value: Any) -> str:
    text = value.text if isinstance(value, QuotedString) else value
    if not isinstance(text, str):
        return str(Transformer.encode(value))
    # Hydra's own encoding leaves quotes inside a text as they are, and cannot read them afterwards.
    return text if WORD.match(text) and text.lower() not in NOT_TEXT else write_value(text)


def several(text: str, *, group: bool) -> str:
    """What is wrong with several values where one run was asked for."""
    key, _, value = text.partition("=")
    quoted = "" if group else f" (a comma inside one value: {shell([f'{key}={write_value(value)}'])})"
    return f"{text}: several values are a sweep: add -m{quoted}"
