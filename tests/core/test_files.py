"""Files are whole or absent, and a disk that takes no more is one line, whichever library wrote to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.files import StorageError, write_json, write_text

WRITERS = {
    "text": "write_text(folder / 'a.txt', 'x' * 100_000)",
    "numpy": "np.save(folder / 'a.npy', np.zeros(100_000))",
    "npz": "np.savez(folder / 'a.npz', a=np.zeros(100_000))",
    "shard": "Kept(folder).put('a', np.zeros(100_000))",
    "parquet": "pd.DataFrame({'a': np.random.default_rng(0).random(100_000)}).to_parquet(folder / 'a.parquet')",
    "safetensors": "save_file({'a': np.zeros(100_000)}, folder / 'a.safetensors')",
}
SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from experiments.engines.shards import Kept
from experiments.errors import UserError
from experiments.files import write_text
from experiments.store import Store

def make(folder):
    {writer}

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    Store(Path(sys.argv[1])).get_or_make("embed", {{"v": 1}}, make)
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_on_the_size_of_files_is_one_line_whichever_library_meets_it(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", SCRIPT.format(writer=WRITERS[name]), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{tmp_path / 'embed'}: cannot be written (")
    assert line.endswith("or name another store (execution.store=...)")
    assert [path.suffix for path in (tmp_path / "embed").iterdir()] == [".lock"]


def test_text_replaces_what_was_there_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for text in ("first", "zweiter Satz, größer"):
        write_text(tmp_path / "new" / "a.txt", text)
        assert (tmp_path / "new" / "a.txt").read_bytes() == text.encode("utf-8")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_text_that_cannot_be_written_leaves_the_old_file_and_no_scratch(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.txt", "new \ud800")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.txt", float("nan"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(StorageError, match=r"a/b/c\.json: cannot be written \(Not a directory, .* MB free\): make it"):
        write_json(tmp_path / "a" / "b" / "c.json", 1)
