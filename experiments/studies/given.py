"""What a command line gives a study: which one, its declaration, and what it may set beside it."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.types import Override
from pydantic import ValidationError

from experiments.command import mistakes
from experiments.command.compose import Composer
from experiments.command.overrides import OWN_ARM, key_of
from experiments.command.own_study import typed_name
from experiments.command.quoting import one_value
from experiments.command.study_file import StudyFile
from experiments.errors import UserError
from experiments.studies.declaration import Arm, Block, Choose, Contrast, Declaration, Expect, PaperTable
from experiments.studies.scale import at_scale

FIELDS = [
    name for model in (Declaration, Arm, Block, Choose, Contrast, Expect, PaperTable) for name in model.model_fields
]
"""Every key that a declaration may hold somewhere, for `did you mean`."""
ELSEWHERE = {"dry_run", "only", "outputs", "execution", "tracker", "hydra", "hydra/launcher"}
"""Keys that name no run: where things are stored, tracked and launched, and which of the runs are asked for now."""


def load_study(arguments: Sequence[str], composer: Composer) -> Declaration:
    """The study that a command line names, with what it sets under study. itself."""
    for text in arguments:
        if key_of(text).lstrip("+") in {"study.arms", "study.choose", "study.blocks"}:
            raise UserError(f"{text}: this would be merged with what the study's file has: edit the file")
    _check_own_arms(arguments, composer)
    data = composer.declared(arguments, "study")
    if data is None:
        raise UserError("study=null: name a study of conf/study/")
    data = at_scale(data, composer.declared(arguments, "scale"))
    try:
        return Declaration.model_validate(data)
    except ValidationError as error:
        line = mistakes.invalid_value(error, data, prefix="study.", names=FIELDS)
        path = ["study", *mistakes.invalid_path(error, data)]
        typed = any(".".join(path).startswith(key_of(text).lstrip("+")) for text in arguments if _is_below_study(text))
        where = "" if typed else study_file(arguments, composer).where(path)
        raise UserError(f"{where}: {line}" if where else line) from error


def _check_own_arms(arguments: Sequence[str], composer: Composer) -> None:
    """An arm from the command line is new, and named so that Hydra takes the name for one key. Raises UserError."""
    own = [text for text in arguments if key_of(text).lstrip("+").startswith(OWN_ARM)]
    if not own:
        return
    choice = [text for text in arguments if key_of(text) in {"study", "scale"}]
    declared = composer.declared(choice, "study") or {}
    taken = {*declared.get("arms", {}), *declared.get("choose", {})}
    for text in own:
        name = key_of(text).lstrip("+").removeprefix(OWN_ARM)
        if name.partition(".")[0] in taken or name in taken:
            raise UserError(f"{text}: the study has an arm of that name: take another name, or edit the study's file")
        if "." in name:
            raise UserError(f"{text}: an arm on a command line has a name without a point: write percpos_095")
        limited = [block for block, setting in declared.get("blocks", {}).items() if setting.get("arms")]
        if limited:
            raise UserError(
                f"{text}: block {limited[0]} lists its arms, so a new one has no place: copy the study's file, edit "
                "the copy and give study=./COPY.yaml"
            )


def sets_data(study: Declaration) -> bool:
    """Whether the study's blocks or arms choose their data, so that the command line may not."""
    lists = [*(block.overrides for block in study.blocks.values()), *(arm.overrides for arm in study.arms.values())]
    return any(key_of(text) in {"data", "data.name", "data.path"} for texts in lists for text in texts)


def command_of(composer: Composer, arguments: Sequence[str]) -> tuple[str, ...]:
    """What names the study's runs: not where they are stored, tracked and launched, nor that a plan is asked for."""
    return tuple(
        f"study={typed_name(str(one.value()))}" if one.key_or_group == "study" else one_value(one)
        for one in naming(composer, arguments)
    )


def naming(composer: Composer, arguments: Sequence[str]) -> list[Override]:
    """The overrides that say which runs there are, and not where they are stored, tracked and launched."""
    return [one for one in composer.parse(arguments) if str(one.key_or_group).partition(".")[0] not in ELSEWHERE]


def _is_below_study(text: str) -> bool:
    return key_of(text).lstrip("+~").startswith("study.")


def study_file(arguments: Sequence[str], composer: Composer) -> StudyFile:
    """The file of the study that a command line names."""
    (name,) = [text.partition("=")[2] for text in arguments if key_of(text) == "study"]
    return composer.study_file(name)


def varied_keys(study: Declaration) -> set[str]:
    """The keys that arms or blocks set differently, or that only some of them set."""
    arms = [arm.overrides for arm in study.arms.values()]
    arms += [(*choose.overrides, f"{choose.key}=?") for choose in study.choose.values()]
    blocks = [block.overrides for block in study.blocks.values()]
    chosen = {choose.key for choose in study.choose.values()}
    return _varied(arms) | _varied(blocks) | chosen


def _varied(lists: Sequence[Sequence[str]]) -> set[str]:
    settings = [{key_of(text): text for text in texts} for texts in lists]
    keys = {key for one in settings for key in one}
    return {key for key in keys if len({one.get(key) for one in settings}) > 1}


def about_study(override: Override) -> bool:
    """Whether it sets the study itself and not its runs."""
    return str(override.key_or_group).partition(".")[0] in {"study", "scale", "dry_run", "only"}
