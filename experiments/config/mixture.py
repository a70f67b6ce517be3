"""Several collections as one training set: each mined inside its own corpus, their rows put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from experiments.config.data import (
    BeirData,
    BeirHubData,
    DataConfig,
    DocstringsData,
    Leak,
    LeakCheck,
    PairsData,
    TrecData,
)
from experiments.config.mining import MiningConfig
from experiments.config.value import Count, Value

Share = Annotated[float, Field(gt=0.0, le=1e6)]


class BeirPart(BeirData):
    """A folder in BEIR form as a part of a mixture, with the defaults of data=beir.

    share: of the mixture's train_queries, relative to the other parts' shares; None = 1. positive_within: as
    MiningConfig's, for this part alone.
    """

    positives: Literal["all", "one"] = "all"
    share: Share | None = None
    positive_within: Count | None = None

    def data(self, train_queries: int | None) -> BeirData:
        """The part as a collection of its own. train_queries: what it gets of the mixture's, None = its own."""
        found = BeirData.model_validate({name: getattr(self, name) for name in BeirData.model_fields})
        return found if train_queries is None else found.model_copy(update={"train_queries": train_queries})


class BeirHubPart(BeirHubData):
    """data=beir_hub as a part of a mixture; share and positive_within as in BeirPart."""

    share: Share | None = None
    positive_within: Count | None = None

    def data(self, train_queries: int | None) -> BeirHubData:
        """As BeirPart's."""
        found = BeirHubData.model_validate({name: getattr(self, name) for name in BeirHubData.model_fields})
        return found if train_queries is None else found.model_copy(update={"train_queries": train_queries})


class DocstringsPart(DocstringsData):
    """data=docstrings as a part of a mixture; share and positive_within as in BeirPart."""

    share: Share | None = None
    positive_within: Count | None = None

    def data(self, train_queries: int | None) -> DocstringsData:
        """As BeirPart's."""
        found = DocstringsData.model_validate({name: getattr(self, name) for name in DocstringsData.model_fields})
        return found if train_queries is None else found.model_copy(update={"train_queries": train_queries})


Part = Annotated[BeirPart | BeirHubPart | DocstringsPart, Field(discriminator="kind")]


class MixtureData(Value):
    """Several collections, each mined inside its own corpus; their rows train one student.

    name: what run names, tables and tags call it; as a name in evaluation.collections it means all parts.
    train_queries: how many `seed` draws in all, handed out by the parts' `share`; None = each part's own.
    batches: rows of all parts mixed, or each batch from one part, parts in proportion to their rows.
    leak: holds for all parts, each against everything that the run is measured on.
    parts: by the collection's name, sorted: results do not depend on the order in which they were written.
    """

    kind: Literal["mixture"] = "mixture"
    name: Annotated[str, Field(min_length=1)] = "mixture"
    train_queries: Count | None = None
    batches: Literal["mixed", "by_collection"] = "mixed"
    leak: Leak = LeakCheck()
    parts: dict[str, Part] = Field(default_factory=dict)

    @field_validator("parts", mode="before")
    @classmethod
    def _written_out(cls, parts: Any) -> Any:
        return written_out(parts)

    @model_validator(mode="after")
    def _parts_go_together(self) -> MixtureData:
        if len(self.parts) < 2:
            there = f"only {', '.join(self.parts)}" if self.parts else "none"
            raise ValueError(
                f"a mixture needs two parts or more, and it has {there}: give data.parts.NAME={{...}} for each "
                "collection, or use data=beir"
            )
        for name in (*self.parts, self.name):
            if not name or "/" in name:
                raise ValueError(f"the name {name!r} should be letters and digits without a slash: tasks are called so")
        if self.name in self.parts:
            raise ValueError(f"the mixture and one of its parts are both called {self.name}: set data.name")
        for name, part in self.parts.items():
            _check_part(name, part, handed_out=self.train_queries is not None)
        self.collections()
        return self

    def collections(self) -> dict[str, DataConfig]:
        """Each part as a collection of its own, by name, sorted.

        Raises ValueError where a part's share of train_queries comes to no query.
        """
        counts: Mapping[str, int | None] = dict.fromkeys(self.parts)
        if self.train_queries is not None:
            counts = hand_out(self.train_queries, {name: part.share or 1.0 for name, part in self.parts.items()})
        for name, count in counts.items():
            if count == 0:
                raise ValueError(f"train_queries={self.train_queries} leaves none for {name}: raise it, or its share")
        return {
            name: part.data(counts[name]).model_copy(update={"leak": self.leak}) for name, part in self.parts.items()
        }


RunData = Annotated[
    DocstringsData | BeirData | BeirHubData | PairsData | TrecData | MixtureData, Field(discriminator="kind")
]
"""What a run trains on: one collection, or several."""


def collections_of(data: RunData) -> dict[str, DataConfig]:
    """The collections that a run trains on, by name, sorted."""
    return data.collections() if isinstance(data, MixtureData) else {data.name: data}


def one_collection(data: RunData) -> DataConfig:
    """The data of a run on one collection. Raises ValueError for a mixture, of which each part is a run of its own."""
    if isinstance(data, MixtureData):
        raise ValueError(f"{data.name} is a mixture of {', '.join(data.parts)}: take one part")
    return data


def mining_of(part: BeirPart | BeirHubPart | DocstringsPart, mining: MiningConfig) -> MiningConfig:
    """A mixture's mining settings inside one part: its positive_within, and no reveal where nothing is hidden.

    They are what a run on that collection alone would have, so that both share their mined rows.
    """
    plain = mining.model_dump() | {"positive_within": part.positive_within}
    if part.positives == "all":
        nothing = {"reveal": 0.0, "false_negatives": "remove"}
        plain |= nothing
        plain["common_with"] = [{**listed, **nothing} for listed in plain["common_with"]]
    return MiningConfig.model_validate(plain)


def check_mixed(data: MixtureData, mining: MiningConfig) -> None:
    """Raises ValueError for mining settings that a mixture has part by part, or that no part can use."""
    if mining.positive_within is not None or any(one.positive_within is not None for one in mining.common_with):
        raise ValueError(
            "a mixture sets positive_within part by part: use mining.positive_within=null and "
            "data.parts.NAME.positive_within"
        )
    shares = [mining.reveal, *(listed.under(mining).reveal for listed in mining.common_with)]
    if max(shares) > 0 and all(part.positives == "all" for part in data.parts.values()):
        raise ValueError(
            f"mining.reveal={max(shares)} takes out hidden positives, but no part of the mixture hides any: "
            "set data.parts.NAME.positives=one, or mining.reveal=0"
        )


def written_out(parts: Any) -> Any:
    """A mixture's parts as plain values, sorted, each with its kind and its name; what is no mapping stays as it is.

    A part says nothing of its kind where it is a BEIR folder or called docstrings. Raises ValueError for a part that
    gives itself another name than its key.
    """
    if not isinstance(parts, Mapping):
        return parts
    return {name: _written_out(name, parts[name]) for name in sorted(parts, key=str)}


def _written_out(name: str, part: Any) -> Any:
    if part is not None and not isinstance(part, Mapping):
        return part
    kind = "docstrings" if name == "docstrings" else "beir"
    plain = {"kind": kind, **(part or {})}
    if plain["kind"] in {"beir", "beir_hub"} and plain.setdefault("name", name) != name:
        raise ValueError(f"the part {name} is named {plain['name']}: a part is called by its key, so leave name out")
    return plain


def _check_part(name: str, part: BeirPart | BeirHubPart | DocstringsPart, *, handed_out: bool) -> None:
    if part.name != name:
        raise ValueError(f"the part {name} has kind {part.kind}: call it {part.name}, as tables do")
    if part.leak != LeakCheck():
        raise ValueError(f"{name} has leak settings of its own: the mixture's hold for all parts, so set data.leak")
    if not handed_out and part.share is not None:
        raise ValueError(f"{name} has a share, but train_queries=null hands nothing out: set data.train_queries")
    if handed_out and not isinstance(part, DocstringsPart) and part.train_queries is not None:
        raise ValueError(
            f"{name} has train_queries={part.train_queries}, but data.train_queries hands them out: "
            "give the part a share instead, or set data.train_queries=null"
        )


def hand_out(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`total` in proportion to the shares, by largest remainder; ties go to the first name.

    The counts add up to `total`, and each lies within 1 of its exact part.
    """
    exact = {name: total * share / sum(shares.values()) for name, share in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    left = total - sum(counts.values())
    for name in _largest_remainders(exact, left):
        counts[name] += 1
    return counts


def _largest_remainders(exact: Mapping[str, float], count: int) -> Iterable[str]:
    return sorted(exact, key=lambda name: (int(exact[name]) - exact[name], name))[:count]
