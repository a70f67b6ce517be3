"""All that `build` writes or compares, made anew only where something that decides it has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.inputs import pages_decided_by
from analysis.kept import kept
from analysis.sources import Source

if TYPE_CHECKING:
    from analysis.load import Study

FOLDER = Path("outputs/pages")
"""Beside a results folder: what was made of it and can be deleted at any time."""


@dataclass(frozen=True)
class Rendered:
    """A study's files by path relative to its folder, and lines that say what of it is missing."""

    files: dict[str, bytes]
    missing: list[str]


class Pages:
    """What the records of a source give. Of an artifact store everything is made anew."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.load = cache(self._load)

    def studies(self, names: Sequence[str], *, png: bool = False) -> dict[str, Rendered]:
        """Each study's files. png: every figure in pixels, too."""
        if png or list(names) != self.source.studies():
            return {name: self._rendered(name, png=png) for name in names}
        return _studies_of(self._kept("studies.json", lambda: _studies_text({n: self._rendered(n) for n in names})))

    def others(self) -> dict[Path, bytes]:
        """The pages that are of no study, or of several."""
        text = self._kept("others.json", lambda: json.dumps({str(p): c.decode() for p, c in self._others().items()}))
        return {Path(path): content.encode() for path, content in json.loads(text).items()}

    @cached_property
    def folder(self) -> Path | None:
        """Where made things are kept; None keeps nothing."""
        return None if self.source.is_store else self.source.root.resolve().parent / FOLDER

    def _kept(self, what: str, make: Callable[[], str]) -> str:
        return kept(what, partial(pages_decided_by, self.source.root), make, folder=self.folder)

    def _load(self, name: str) -> Study:
        from analysis.load import load_study

        return load_study(self.source, name)

    def _rendered(self, name: str, *, png: bool = False) -> Rendered:
        from analysis.missing import missing_lines
        from analysis.render import render_study

        study = self.load(name)
        return Rendered(render_study(study, png=png, keep=self.folder), missing_lines(study))

    def _others(self) -> dict[Path, bytes]:
        from analysis.bench import bench_pages
        from analysis.claims.page import claims_pages
        from analysis.drill import drill_pages
        from analysis.excerpts import marked_pages
        from analysis.judgments import judgment_pages
        from analysis.predict.page import predictor_pages
        from analysis.report.paper import paper_pages
        from analysis.scale import scale_pages

        source = self.source
        pages = marked_pages(source, self.load) | judgment_pages(source) | paper_pages(source)
        pages |= claims_pages(source, self.load) | predictor_pages(source, self.load)
        return pages | drill_pages(source) | scale_pages(source) | bench_pages(source, keep=self.folder)


def _studies_text(studies: dict[str, Rendered]) -> str:
    return json.dumps(
        {
            name: {"files": {path: content.decode() for path, content in one.files.items()}, "missing": one.missing}
            for name, one in studies.items()
        }
    )


def _studies_of(text: str) -> dict[str, Rendered]:
    return {
        name: Rendered({path: content.encode() for path, content in one["files"].items()}, one["missing"])
        for name, one in json.loads(text).items()
    }
