"""Read results/paper: the tables by name, the inconsistencies, which study reproduces what."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from analysis.paper.schema import PAPER_FILE, Inconsistencies, PaperFile, Reproductions, Scores
from experiments.errors import UserError

PAPER = Path(__file__).resolve().parents[2] / "results" / "paper"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where PyYAML was built with it: a tenth of the time."""
OTHERS = ("claims", "inconsistencies", "studies")
"""Files of the folder that are no table or figure."""

Parsed = TypeVar("Parsed")


def parsed(path: Path, validate: Callable[[Any], Parsed]) -> Parsed:
    """A YAML file through a schema. Raises UserError, naming file and key, for what does not fit it."""
    try:
        return validate(yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: the paper's figures are read from there") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@cache
def paper_files(folder: Path = PAPER) -> dict[str, PaperFile]:
    """Every table and figure by its file's name: tables first, each in the order of its number."""
    names = [path.stem for path in folder.glob("*.yaml") if path.stem not in OTHERS]
    ordered = sorted(names, key=lambda name: (not name.startswith("table"), len(name), name))
    return {name: parsed(folder / f"{name}.yaml", PAPER_FILE.validate_python) for name in ordered}


def paper_file(name: str, *, asked_by: str) -> PaperFile:
    """One table or figure. Raises UserError, saying who asked for it, where there is none of this name."""
    files = paper_files()
    if name not in files:
        raise UserError(f"{asked_by}: the paper has no {name!r} here: use one of {', '.join(files)}")
    return files[name]


def score_table(name: str, *, asked_by: str, folder: Path = PAPER) -> Scores:
    """A table of scores. Raises UserError for another kind of file, or none."""
    found = paper_files(folder).get(name)
    if not isinstance(found, Scores):
        known = ", ".join(key for key, item in paper_files(folder).items() if isinstance(item, Scores))
        raise UserError(f"{asked_by}: {name!r} is no table of scores: use one of {known}")
    return found


def inconsistencies(folder: Path = PAPER) -> Inconsistencies:
    """What the paper's figures contradict."""
    return parsed(folder / "inconsistencies.yaml", Inconsistencies.model_validate)


def reproductions(folder: Path = PAPER) -> Reproductions:
    """Which study reproduces what."""
    return parsed(folder / "studies.yaml", Reproductions.model_validate)
