"""The markers in hand-written pages, between which stands what the records give."""

from __future__ import annotations

import re

MARKED = re.compile(
    r"(?P<begin><!-- table (?P<name>(?P<study>[\w.-]+)/(?P<block>[\w.-]+)(?:/(?P<table>[\w.-]+))?): begin -->\n).*?"
    r"(?P<end><!-- table (?P=name): end -->)",
    re.DOTALL,
)
GUIDE = re.compile(r"(?P<begin><!-- paper: begin -->\n).*?(?P<end><!-- paper: end -->)", re.DOTALL)


def hand_written(text: str) -> str:
    """A page without what stands between its markers."""
    for marked in (MARKED, GUIDE):
        text = marked.sub(lambda found: f"{found['begin']}{found['end']}", text)
    return text
