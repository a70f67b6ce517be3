"""What is remembered with a value: made once under a key, unknown to copies of the value."""

from dataclasses import dataclass, replace

from experiments.memo import remembered, remembered_last


@dataclass(frozen=True)
class Owner:
    name: str


def test_a_key_is_made_once_for_a_value_and_anew_for_its_copy() -> None:
    owner, made = Owner("a"), []
    for _ in range(2):
        assert remembered(owner, ("key", 1), lambda: made.append(1) or len(made)) == 1
    assert remembered(owner, ("key", 2), lambda: 5) == 5
    assert replace(owner) == owner
    assert remembered(replace(owner), ("key", 1), lambda: 7) == 7


def test_of_the_last_key_alone_and_values_are_told_by_identity() -> None:
    owner, part, twin = Owner("a"), [1], [1]
    assert remembered_last(owner, "pools", (part, "x", 0), lambda: 1) == 1
    assert remembered_last(owner, "pools", (part, "x", 0), lambda: 2) == 1
    assert remembered_last(owner, "pools", (twin, "x", 0), lambda: 3) == 3
    assert remembered_last(owner, "pools", (part, "x", 0), lambda: 4) == 4
    assert remembered_last(owner, "pools", (part, part, "x", 0), lambda: 5) == 5
    assert remembered_last(owner, "pools", (part, part, "x", 1), lambda: 6) == 6
