"""A study on other data than its file was written for: what of it still holds, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.command.compose import Composer
from experiments.command.overrides import key_of, write_value
from experiments.studies.declaration import Declaration

SHARED = ("kind", "name", "path", "split_seed", "positives", "mining_corpus")
"""Fields that mean the same for every kind of data, so that a study's setting of them holds on another kind too."""


@dataclass(frozen=True)
class OtherData:
    """Where a study's runs do not use its own data. own, given: what the two are called.

    resets: overrides that put the fields back that the study had set for another kind of data.
    """

    own: str
    given: str
    resets: tuple[str, ...]

    def declaration(self, study: Declaration, *, keep: frozenset[str]) -> Declaration:
        """The declaration without what it says of its own data. keep: what the command line gives."""
        said = f"nothing was declared for {self.given} (the study's file declares it for {self.own})"
        expectation = said if study.expectation else ""
        left_out = {"expectation": expectation, "expects": (), "paper": None, "cost": ""}
        return study.model_copy(update={name: value for name, value in left_out.items() if name not in keep})

    @property
    def line(self) -> str:
        """What is left out, for the plan that is shown."""
        keys = ", ".join(key_of(text).removeprefix("data.") for text in self.resets)
        settings = f"its settings for {self.own} ({keys}) and " if keys else ""
        return f"{self.given}, not the study's own: {settings}its expectation for {self.own} do not apply"


def other_data(composer: Composer, study: Declaration, choice: str, settings: Sequence[str]) -> OtherData | None:
    """None where the command line leaves a study its data. `choice`: study=NAME."""
    typed = [text for text in settings if key_of(text).partition(".")[0] == "data"]
    if not typed:
        return None
    own, given = composer.config([choice])["data"], composer.config([choice, *typed])["data"]
    if _called(own) == _called(given):
        return None
    resets: list[str] = []
    if own["kind"] != given["kind"]:
        groups = [text for text in typed if composer.is_group(key_of(text))]
        plain = composer.config(groups)["data"]
        # A mixture's name is no collection's.
        called = ["name"] if "mixture" in {own["kind"], given["kind"]} else []
        used = {*SHARED, *(["dev_queries"] if _uses_dev(composer, study, [choice, *settings]) else [])}
        mixed = composer.config([choice, *groups])["data"]
        fields = [name for name in plain if (name in called or name not in used) and mixed.get(name) != plain[name]]
        resets = [f"data.{name}={write_value(plain[name])}" for name in fields]
    return OtherData(_name(own), _name(given), tuple(resets))


def _called(data: dict[str, object]) -> tuple[object, ...]:
    parts = data.get("parts")
    return data["kind"], data.get("name"), data.get("path"), *sorted(parts if isinstance(parts, dict) else ())


def _name(data: dict[str, object]) -> str:
    if parts := data.get("parts"):
        return f"{data['name']} of {', '.join(sorted(parts))}" if isinstance(parts, dict) else str(data["name"])
    if data.get("name") not in {None, "???"}:
        return str(data["name"])
    return Path(str(data["path"])).name if data.get("path") else str(data["kind"])


def _uses_dev(composer: Composer, study: Declaration, arguments: Sequence[str]) -> bool:
    """Whether some run of the study reads dev queries: to choose a value, or to be evaluated on."""
    overrides = [text for arm in study.arms.values() for text in arm.overrides]
    overrides += [text for block in study.blocks.values() for text in block.overrides]
    splits = [text for text in overrides if key_of(text) == "evaluation.splits"]
    common = composer.config(arguments)["evaluation"]["splits"]
    return bool(study.choose) or "dev" in common or any("dev" in text for text in splits)
