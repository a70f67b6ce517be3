"""The one exception a user is meant to read."""


class UserError(Exception):
    """A mistake the user can mend: one line that says what, which value, and how to fix it.

    Entry points print it as ``error: <message>`` and exit with 2; they never show a traceback for it.
    """


class MissingModelError(UserError):
    """The weights of a model cannot be had here (no hub, no such folder, wrong checksum)."""
