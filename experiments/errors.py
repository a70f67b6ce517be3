"""The one exception a user is meant to read, and others on one line."""


class UserError(Exception):
    """A mistake the user can mend: one line that says what, which value, and how to fix it.

    Entry points print it as ``error: <message>`` and exit with 2; they never show a traceback for it.
    """


class MissingModelError(UserError):
    """The weights of a model cannot be had here (no hub, no such folder, wrong checksum)."""


def one_line(error: BaseException) -> str:
    """An error's kind and message on one line, for what no user has caused."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its kind where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
