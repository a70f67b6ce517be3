"""Extracts the docstrings of the pinned distributions from their .py files, read with ast, never imported.

Files are those that a distribution's RECORD lists, so nothing else that happens to be installed can enter.
"""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import multiprocessing
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import Distribution, PackageNotFoundError, distribution, requires
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from experiments.collections import docstring_prose
from experiments.errors import UserError
from experiments.files import write_bytes
from experiments.identity import digest

log = logging.getLogger("experiments")

PROJECT = "which-hard-negatives"
EXTRA = "docstrings"
FIX = f"run: pip install -e '.[{EXTRA}]'"

_PIN = re.compile(rf"([\w.-]+)==([\w.]+)\s*;\s*extra\s*==\s*[\"']{EXTRA}[\"']")
_NOT_TEXT = re.compile(r"(^|/)(tests?|_?vendored|externals?|conftest\.py|__config__\.py|test_\w+\.py)($|/)")
_CHUNK = 40


class Pair(NamedTuple):
    """A docstring as a query and its answer. `id` reads ``numpy/linalg/_linalg.py::inv``."""

    id: str
    query: str
    passage: str


def pinned_versions() -> dict[str, str]:
    """Distribution -> version, from this project's own metadata. Raises UserError where it is not installed."""
    try:
        declared = requires(PROJECT) or []
    except PackageNotFoundError as error:
        raise UserError(f"{PROJECT} is not installed, so data=docstrings has no pins: {FIX}") from error
    pins = {pin[1]: pin[2] for line in declared if (pin := _PIN.match(line))}
    if not pins:
        raise UserError(f"the installed {PROJECT} names no extra '{EXTRA}': {FIX}")
    return dict(sorted(pins.items()))


def extraction_key() -> str:
    """Digest of what decides the extracted text: the pinned versions and the extraction's own version."""
    return digest({"versions": pinned_versions(), "extraction": docstring_prose.VERSION})


def extract_cached(cache: Path, *, workers: int) -> list[Pair]:
    """`extract`, kept under `cache` as JSONL after a first line with its sha256; a damaged file is made anew."""
    path = cache / f"docstrings-{extraction_key()}.jsonl"
    if path.is_file():
        seal, _, body = path.read_bytes().partition(b"\n")
        if seal == _seal(body):
            return [Pair(**json.loads(line)) for line in body.splitlines()]
        log.warning("%s is made anew: it is damaged, or an older version wrote it", path)
    log.info("reading the docstrings of %s", ", ".join(pinned_versions()))
    pairs = extract(pinned_versions(), workers=workers)
    body = "".join(json.dumps(pair._asdict()) + "\n" for pair in pairs).encode()
    write_bytes(path, _seal(body) + b"\n" + body)
    return pairs


def _seal(body: bytes) -> bytes:
    return json.dumps({"sha256": hashlib.sha256(body).hexdigest()}).encode()


def extract(versions: Mapping[str, str], *, workers: int) -> list[Pair]:
    """Every pair of these distributions, sorted by id. Raises UserError for a missing or different version."""
    files = [file for name, version in versions.items() for file in _files(_installed(name, version))]
    if workers == 1:
        found = [read_pairs(name, path) for name, path in files]
    else:
        names, paths = zip(*files, strict=True)
        # spawn: a fork of a process that already runs torch's threads can deadlock.
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = list(pool.map(read_pairs, names, paths, chunksize=_CHUNK))
    return sorted(chain.from_iterable(found))


def read_pairs(name: str, path: Path) -> list[Pair]:
    """The pairs of one file, which ids call `name`. Raises UserError for a file that is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file's own invalid escapes are not the user's concern
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path}: not Python that this interpreter reads ({error}): reinstall; {FIX}") from error
    seen: Counter[str] = Counter()
    pairs = []
    for qualified, text in _docstrings(tree, ()):
        seen[qualified] += 1
        repeat = f"#{seen[qualified]}" if seen[qualified] > 1 else ""
        if found := docstring_prose.pair(text):
            pairs.append(Pair(f"{name}::{qualified}{repeat}" if qualified else name, *found))
    return pairs


def _docstrings(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(qualified name, docstring) in source order; the module's own name is empty."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        scope = scope if isinstance(node, ast.Module) else (*scope, node.name)
        if text := ast.get_docstring(node):
            yield ".".join(scope), text
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from _docstrings(child, scope)


def _installed(name: str, version: str) -> Distribution:
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise UserError(f"data=docstrings reads {name}=={version}, which is not installed: {FIX}") from error
    if found.version.split("+")[0] != version:
        raise UserError(f"data=docstrings reads {name}=={version}, but {found.version} is installed: {FIX}")
    return found


def _files(source: Distribution) -> list[tuple[str, Path]]:
    """(posix name, path) of a distribution's modules, tests and vendored copies left out, sorted by name."""
    if source.files is None:
        raise UserError(f"{source.name} has no RECORD that lists its files: reinstall it; {FIX}")
    names = {file.as_posix(): Path(str(file.locate())) for file in source.files if file.suffix == ".py"}
    return sorted((name, path) for name, path in names.items() if not _NOT_TEXT.search(name) and ".." not in name)
