import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.tracking import opening
from tests.tracking.server import KEY, Server, serving


@pytest.fixture(autouse=True)
def silent_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that an earlier test has left on a closed stream says nothing of it on this test's stderr."""
    monkeypatch.setattr(logging, "raiseExceptions", False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working folder, and no word about W&B in the environment."""
    folder = tmp_path / "home"
    folder.mkdir()
    names = ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_BASE_URL", "WANDB_SILENT", "NETRC", "XDG_CACHE_HOME")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(opening, "_silent", set())
    return folder


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that answers, named in the environment, and a key for it."""
    with serving() as state:
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_BASE_URL", state.url)
        yield state


class Warnings(logging.Handler):
    """What anything but the log of tracebacks says as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "traceback":
            self.messages.append(record.getMessage())


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    handler = Warnings()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
