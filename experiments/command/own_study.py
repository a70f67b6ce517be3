"""`study=./mine.yaml`, `search=./mine.yaml`: one from a file anywhere, as if it stood in conf/study or conf/search.

Hydra finds choices by folder and name, so a copy of the file is laid where its plugin `study_path` looks, for this
command only. Environment variables say where, since runs that are launched as processes must find it too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from experiments.command.help import CONF
from experiments.command.overrides import key_of
from experiments.errors import UserError

FOLDER, TYPED = "EXPERIMENTS_STUDY_FOLDER", "EXPERIMENTS_STUDY_FILE"
"""Where the copy lies, and the path as it was typed."""
GROUPS = ("study", "search")
ENDINGS = (".yaml", ".yml")


def search_folder() -> str | None:
    """The folder that holds study/NAME.yaml or search/NAME.yaml for this command; None where it is one of conf/."""
    return os.environ.get(FOLDER)


def typed_name(name: str) -> str:
    """A study as the command line named it: its file where it came from one."""
    typed = os.environ.get(TYPED)
    return typed if typed is not None and Path(typed).stem == name else name


def study_path(name: str, *, conf: Path, group: str = "study") -> tuple[Path, str | None]:
    """The file of a study or search, and how messages call it where that is not by its path.

    conf: the folder of choices.
    """
    folder = search_folder()
    if folder is not None and (own := Path(folder) / group / f"{name}.yaml").is_file():
        return own, typed_name(name)
    return conf / group / f"{name}.yaml", None


def take_study(arguments: Sequence[str]) -> list[str]:
    """`arguments` with study=NAME for study=PATH, search likewise.

    Forgets what a command before this one, in the same process, has named. Raises UserError for a path that is no file
    or a name that is taken.
    """
    for variable in (FOLDER, TYPED):
        os.environ.pop(variable, None)
    return [_taken(text) if key_of(text) in GROUPS and text.endswith(ENDINGS) else text for text in arguments]


def _taken(text: str) -> str:
    group, _, typed = text.partition("=")
    path = Path(typed).expanduser()
    if not path.is_file():
        raise UserError(f"{text}: there is no such file: give the path of a {group}'s YAML file")
    if (CONF / group / f"{path.stem}.yaml").is_file():
        raise UserError(f"{text}: conf/{group} has a {group} {path.stem} of its own: rename the file")
    folder = Path(tempfile.mkdtemp(prefix="study-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / group).mkdir()
    shutil.copyfile(path, folder / group / f"{path.stem}.yaml")
    os.environ.update({FOLDER: str(folder), TYPED: typed})
    return f"{group}={path.stem}"
