"""`gc`: what nothing needs, told first, removed on demand while no other process works in the store."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from experiments.errors import UserError
from experiments.housekeeping.contents import Contents, Held
from experiments.housekeeping.needs import Needs
from experiments.housekeeping.usage import size_text
from experiments.store.abandoned import remove_path


def freeable(held: Contents, needs: Needs) -> list[Held]:
    """What killed processes left, corpora that no run would read, and artifacts, whole or begun, that nothing needs.

    Where it is not known what some study needs, no artifact is among it.
    """
    made = () if needs.unknown else (*held.partial, *held.artifacts)
    return [*held.left, *held.outdated, *(one for one in made if one.key not in needs.keys)]


def freeable_lines(free: Sequence[Held]) -> Iterator[str]:
    """One line each, and the sum."""
    for one in free:
        yield f"  {size_text(one.size):>9}  {one.path}"
    yield f"{len(free)} to remove, {size_text(sum(one.size for one in free))}"


def remove_all(free: Sequence[Held]) -> None:
    """Remove them, and the locks of what is gone. No other process may work in the store.

    An artifact is renamed first: a removal that is killed leaves scratch, and never half of what counts as whole.
    Raises UserError for what may not be removed.
    """
    for one in free:
        try:
            _remove(one)
        except OSError as error:
            raise UserError(f"{one.path}: cannot be removed ({error.strerror})") from error


def _remove(one: Held) -> None:
    if one.path.is_dir() and not one.path.name.startswith("."):
        aside = one.path.with_name(f".{one.path.name}.{uuid.uuid4().hex[:8]}")
        one.path.rename(aside)
        remove_path(aside)
        one.path.with_name(f"{one.key}.lock").unlink(missing_ok=True)
    else:
        remove_path(one.path)
