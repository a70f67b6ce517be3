"""What results/paper/claims.yaml holds."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from analysis.paper.read import parsed
from analysis.paper.schema import PaperPart

Kind = Literal["higher", "at_least", "not_higher", "equivalent", "fewer_false", "overlap"]
Pair = tuple[str, str]


class StudyTest(PaperPart):
    """A study that tests a claim. scales: it is published as NAME_SCALE; empty = as NAME. blocks: None = all.

    pairs: arms that stand for the claim's pairs there; None = the claim's own names. further: it was not made for this
    claim.
    """

    study: str
    scales: tuple[str, ...] = ()
    blocks: tuple[str, ...] | None = None
    pairs: tuple[Pair, ...] | None = None
    further: bool = False

    @property
    def published(self) -> list[tuple[str, str]]:
        """(name of the published study, arguments that run it), one per scale."""
        if not self.scales:
            return [(self.study, f"study={self.study}")]
        return [(f"{self.study}_{scale}", f"study={self.study} scale={scale}") for scale in self.scales]


class Claim(PaperPart):
    """A claim. pairs: (first, second), rows of the tables that `there` names and arms of the studies that test it."""

    claim: str
    kind: Kind
    pairs: tuple[Pair, ...] = ()
    there: tuple[str, ...]
    tests: tuple[StudyTest, ...]

    @model_validator(mode="after")
    def _has_pairs(self) -> Claim:
        if bool(self.pairs) == (self.kind == "overlap"):
            raise ValueError(f"{self.claim!r}: a claim of kind {self.kind} should have {'no ' * bool(self.pairs)}pairs")
        return self


class Claims(PaperPart):
    """In the order of their page."""

    claims: tuple[Claim, ...]


def read_claims(folder: Path) -> tuple[Claim, ...]:
    """The claims in a folder of the paper's figures. Raises UserError, naming the file, for what does not fit."""
    return parsed(folder / "claims.yaml", Claims.model_validate).claims
