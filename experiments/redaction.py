"""Takes out of a text what must not be written down: passwords in addresses, and keys.

What goes into a record, a log or a message of another program's comes through here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

HIDDEN = "***"
SHORTEST = 8
"""Characters: a shorter value of a variable is no key, and may stand in any text by chance."""

_IN_ADDRESS = re.compile(r"(?:(?<=http://)|(?<=https://)|(?<=://)(?=[^/\s@'\"]*:))[^/\s@'\"]*@")
"""A user alone is a key in an address of the web, and no secret in a database's."""
_SECRET = r"(?:api_?key|token|password|passwd|secret)"
_ASSIGNED = re.compile(rf"(?i)\b([\w.]*{_SECRET})(=)([^\s,&'\"]+)")
_VARIABLE = re.compile(rf"(?i){_SECRET}$")


def redacted(text: str) -> str:
    """A text without passwords in addresses, values called a key, token or password, and this process's keys.

    Keys are the values of environment variables whose names end in API_KEY, TOKEN, PASSWORD or SECRET.
    """
    for key in _keys():
        text = text.replace(key, HIDDEN)
    text = _IN_ADDRESS.sub(f"{HIDDEN}@", text)
    return _ASSIGNED.sub(rf"\1\2{HIDDEN}", text)


def _keys() -> Iterator[str]:
    """The longest first, so that none is left in part where one begins with another."""
    found = {value for name, value in os.environ.items() if _VARIABLE.search(name) and len(value) >= SHORTEST}
    yield from sorted(found, key=len, reverse=True)
