"""Splits a docstring into first sentence and passage: reduces reStructuredText and numpydoc to prose, then filters.

Pure text functions; `VERSION` names their behaviour and is part of the key of every cached extraction.
"""

from __future__ import annotations

import inspect
import re

VERSION = 1

MIN_PASSAGE_CHARACTERS = 40
MIN_PASSAGE_WORDS = 6
MAX_PASSAGE_CHARACTERS = 400
QUERY_WORDS = range(3, 41)
MIN_ALPHABETIC = 3
MIN_ALPHABETIC_SHARE = {"query": 0.6, "passage": 0.5}
"""Share of plain words, under which a text is a formula, a table or code rather than a sentence."""

_UNDERLINE = re.compile(r"([=\-~^\"'*+#`])\1{2,}$")
_NOT_PROSE = re.compile(
    r"(other |keyword |optional )?(parameters?|arguments?|args|kwargs|options|attributes|properties|methods|functions|"
    r"classes|inputs?|outputs?|returns?|yields?|receives?|raises|warns|see also|references?|bibliography|literature|"
    r"examples?|usage|sources?|subpackages|modules|contents|todo|tests?|authors?|version.*|signature|syntax)\b",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[A-Za-z][\w /&()-]{0,40}:$")
_FIELD = re.compile(r":[a-z]+( [^:]+)?:(\s|$)")
_RULE = re.compile(r"[=+\-|\s]{4,}$")
_BULLET = re.compile(r"([-*+•]|\(?[0-9a-z]{1,2}[.)])\s+")
_SIGNATURE = re.compile(r"[\w.]+ ?\([^)]*\)?.*(->.*|\)|=.*)$")
_INLINE = (
    (re.compile(r":[\w:+-]+:`~?([^`<]+?)\s*(?:<[^`>]*>)?`"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{1,2}"), r"\1"),
    (re.compile(r"\s*\[[\w*#-]+\]_"), ""),
    (re.compile(r"`+([^`]*)`+_{0,2}"), r"\1"),
    (re.compile(r"(?<![\w*])\*{1,2}([^\s*][^*]*?)\*{1,2}(?![\w*])"), r"\1"),
    (re.compile(r"\s+"), " "),
)
_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')\]]))\s+(?=[\"'(\[]?[A-Z0-9])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|eq|eqs|fig|ref|refs|no|al|resp|approx|sec|ch|p|pp|[A-Z]))\.$")

_REFUSED_START = re.compile(
    r"(options|parameters|copyright|initiali[sz]e self|internal|deprecated|todo|alias for|note|notice|warning|"
    r"experimental|see|placeholder|the following|the same as|this is|this should|it is|wrapper for|"
    r"\w+(, ?\w+)*\s?: )",
    re.IGNORECASE,
)
_REFUSED_ANYWHERE = re.compile(
    r"https?:|->|<-|==|\bdocstring|internal(ly)? use|,$|;$|:$|\b(where|given by|defined as|such that|as follows)$"
)
_POINTER = re.compile(
    r"(see|read more|refer to|please (see|refer)|for [^.]*\b(see|refer)|this is an alias|alias|notes?:?$)\b",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"%\(\w+\)s|\{\w*\}|\$\{?\w+\}|<<\w+>>")


def pair(docstring: str) -> tuple[str, str] | None:
    """(query, passage) of one docstring, or None where a filter refuses it."""
    paragraphs = prose(docstring)
    if paragraphs and _SIGNATURE.match(paragraphs[0]):
        paragraphs = paragraphs[1:]
    if not paragraphs:
        return None
    query, rest = first_sentence(paragraphs[0])
    passage = cut(without_pointers([rest, *paragraphs[1:]]))
    return (query, passage) if is_question(query) and is_answer(passage) else None


def prose(docstring: str) -> list[str]:
    """The paragraphs of a docstring that are prose, in order, without markup; none where it opens with a heading."""
    lines = inspect.cleandoc(docstring).splitlines()
    sections = _sections(lines)
    if not any(line.strip() for line in sections[0][1]):
        return []
    kept = [body for heading, body in sections if not _NOT_PROSE.match(heading)]
    return [text for body in kept for block in _blocks(body) if (text := plain(" ".join(block)))]


def plain(text: str) -> str:
    """`text` without inline markup, white space collapsed."""
    text = _BULLET.sub("", text, count=1) if _BULLET.match(text) else text
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return text.strip().removesuffix("::").strip()


def first_sentence(paragraph: str) -> tuple[str, str]:
    """(first sentence without its full stop, the rest of the paragraph)."""
    head, rest = _split_sentence(paragraph)
    return head.rstrip(" ."), rest


def without_pointers(paragraphs: list[str]) -> str:
    """The paragraphs as one text, less the sentences that only send the reader elsewhere ("See ...", an alias)."""
    kept = []
    for paragraph in paragraphs:
        rest = paragraph.removeprefix("Notes: ").removeprefix("Note: ")
        while rest:
            sentence, rest = _split_sentence(rest)
            if not _POINTER.match(sentence):
                kept.append(sentence)
    return " ".join(kept)


def cut(text: str) -> str:
    """At most MAX_PASSAGE_CHARACTERS, ending at a whole word."""
    if len(text) <= MAX_PASSAGE_CHARACTERS:
        return text
    return text[: MAX_PASSAGE_CHARACTERS + 1].rsplit(" ", 1)[0][:MAX_PASSAGE_CHARACTERS].rstrip()


def is_question(query: str) -> bool:
    """Whether a first sentence can stand as a query."""
    if len(query.split()) not in QUERY_WORDS or _alphabetic(query) < MIN_ALPHABETIC:
        return False
    if any(pattern.search(query) for pattern in (_TEMPLATE, _REFUSED_ANYWHERE)) or _REFUSED_START.match(query):
        return False
    return _alphabetic(query) >= MIN_ALPHABETIC_SHARE["query"] * len(query.split())


def is_answer(passage: str) -> bool:
    """Whether a passage is long enough, and prose."""
    words = len(passage.split())
    if len(passage) < MIN_PASSAGE_CHARACTERS or words < MIN_PASSAGE_WORDS or _TEMPLATE.search(passage):
        return False
    return _alphabetic(passage) >= MIN_ALPHABETIC_SHARE["passage"] * words


def _alphabetic(text: str) -> int:
    return sum(word.strip(".,;:()'\"").isalpha() for word in text.split())


def _split_sentence(text: str) -> tuple[str, str]:
    """(first sentence, the rest)."""
    for end in _END.finditer(text):
        head = text[: end.start()]
        if not _ABBREVIATION.search(head):
            return head, text[end.end() :]
    return text, ""


def _sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    """(heading, body lines) at underlined headings; the first one has no heading."""
    sections: list[tuple[str, list[str]]] = [("", [])]
    skip = 0
    for i, line in enumerate(lines):
        if skip:
            skip -= 1
        elif line.strip() and not line[0].isspace() and i + 1 < len(lines) and _is_underline(lines[i + 1]):
            sections.append((line.strip().rstrip(":"), []))
            skip = 1
        elif not _UNDERLINE.match(line.strip()):
            sections[-1][1].append(line)
    return sections


def _is_underline(line: str) -> bool:
    return _UNDERLINE.match(line.strip()) is not None and not line[0].isspace()


def _blocks(lines: list[str]) -> list[list[str]]:
    """Paragraphs as lists of stripped lines, without directives, literal blocks, doctests, field lists and tables."""
    blocks: list[list[str]] = [[]]
    deeper_than: int | None = None
    to_blank = False
    for line in lines:
        text = line.strip()
        if not text:
            blocks.append([])
            to_blank = False
            continue
        indent = len(line) - len(line.lstrip())
        if to_blank or (deeper_than is not None and indent > deeper_than):
            continue
        deeper_than = None
        if text.startswith(">>>") or _RULE.match(text):
            to_blank = True
        elif text.startswith("..") or _FIELD.match(text) or (_LABEL.match(text) and _NOT_PROSE.match(text)):
            deeper_than = indent
            blocks.append([])
        else:
            if _BULLET.match(text):
                blocks.append([])
            blocks[-1].append(text)
            deeper_than = indent if text.endswith("::") else None
    return [block for block in blocks if block]
