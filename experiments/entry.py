"""How every command line ends: mistakes, interruptions and full disks are one line each, a closed pipe is silent.

Exit codes: what the command returns, 2 for a mistake or a full disk, 130 after Ctrl-C, 141 where the reader of the
output went away (`| head`), as a shell reports them.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from experiments.errors import UserError
from experiments.files import storage_failure
from experiments.redaction import redacted


class Parser(argparse.ArgumentParser):
    """Mistakes are UserErrors, not argparse's usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the arguments in one line."""
        raise UserError(f"{message} ({self.prog} --help explains)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End after --help; a reader that went away is noticed here rather than at interpreter exit."""
        sys.stdout.flush()
        super().exit(status, message)


def check_writable(key: str, folder: Path) -> None:
    """Make a folder that a command writes to. Raises UserError, naming the `key` it came from, where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{key}={folder}: no folder to write to ({error.strerror}): name another") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"{key}={folder}: this folder may not be written to: name another")


def tell_on_screen() -> None:
    """What is said of collections goes to standard output before a run sets its own logging up, too."""
    screen = logging.getLogger("experiments.screen")
    if not screen.handlers:
        screen.addHandler(logging.StreamHandler(sys.stdout))
        screen.setLevel(logging.INFO)
        screen.propagate = False


def shell(arguments: Sequence[str]) -> str:
    """One line that a shell splits into these arguments."""
    return " ".join(_shell(text) for text in arguments)


def _shell(text: str) -> str:
    readable = "'" in text and not re.search(r'[\\"$`!]', text)
    return f'"{text}"' if readable else shlex.quote(text)


def beir_home() -> Path | None:
    """The folder that holds collections by name, from the environment variable BEIR_HOME; None where it is not set."""
    home = os.environ.get("BEIR_HOME")
    return Path(home) if home else None


def named_folders(texts: Sequence[str]) -> dict[str, Path]:
    """What `--data-path NAME=FOLDER`, given once for each, names. Raises UserError for what is not there."""
    named = [text.partition("=") for text in texts]
    for name, _, folder in named:
        if not name or not Path(folder or "?").exists():
            raise UserError(f"--data-path {name}={folder}: should be NAME=FOLDER or FILE of a collection")
    return {name: Path(folder) for name, _, folder in named}


def guarded(command: Callable[[], int], *, interrupted: str = "nothing half-written is left") -> int:
    """The exit code of `command`; its mistakes, interruptions, closed pipes and full disks told as the module says."""
    try:
        code = command()
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {redacted(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted: {interrupted}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Python flushes stdout once more when it exits, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if storage_failure(error) is None:
            raise
        what = f"{error.filename or 'a file'} cannot be written ({error.strerror})"
        print(f"error: {what}: make room where this command writes, or write elsewhere", file=sys.stderr)
        return 2
    return code
