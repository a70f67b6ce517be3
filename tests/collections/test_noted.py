"""Notes of content count for the state and the code that they were written under."""

from pathlib import Path

import pytest

from experiments.collections import noted
from experiments.contents import FileState, state_of


def test_a_note_counts_for_its_state_and_code_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "store" / "collections"
    noted.note("settings", "now", {"toy": "abc"}, cache=cache)
    assert not cache.exists()  # a command that leaves no store leaves no note
    cache.parent.mkdir()
    noted.note("settings", "now", {"toy": "abc"}, cache=cache)
    assert noted.noted("settings", "now", cache=cache) == {"toy": "abc"}
    assert noted.noted("settings", "later", cache=cache) is None
    assert noted.noted("others", "now", cache=cache) is None
    monkeypatch.setattr(noted, "_code", lambda: "another")
    assert noted.noted("settings", "now", cache=cache) is None
    noted.note("settings", "now", {"toy": "def"}, cache=cache)
    assert noted.noted("settings", "now", cache=cache) == {"toy": "def"}
    assert len(list(cache.iterdir())) == 1


def test_a_damaged_note_is_none(tmp_path: Path) -> None:
    noted.note("settings", "now", {"toy": "abc"}, cache=tmp_path / "collections")
    (path,) = (tmp_path / "collections").iterdir()
    path.write_bytes(b"\xff{")
    assert noted.noted("settings", "now", cache=tmp_path / "collections") is None
    assert not path.exists()


def test_every_part_of_a_file_s_state_counts() -> None:
    state = FileState(Path("/a"), 1, 2, 3, 4)
    others = [
        state._replace(**{name: value}) for name, value in zip(state._fields, (Path("/b"), 9, 9, 9, 9), strict=True)
    ]
    assert len({state_of([one]) for one in (state, *others)}) == 6
    assert not state_of([])
    assert state_of([state, *others]) != state_of([*others, state])
