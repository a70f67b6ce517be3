"""`python -m experiments.run`: one run, or with -m a study or a sweep.

Exit codes: 0 done, 1 a run failed, 2 a mistake in the command (one line says how to mend it), 130 interrupted,
141 the reader of the output went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from experiments.command.help import help_text
from experiments.entry import check_writable, guarded, shell, tell_on_screen
from experiments.errors import UserError

if TYPE_CHECKING:
    import argparse

    from omegaconf import DictConfig

    from experiments.command.compose import Composer
    from experiments.command.job import RunResult

HYDRA_FLAGS = ("cfg", "info", "hydra_help", "shell_completion", "experimental_rerun")

MULTIRUN = ("-m", "--multirun")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if any(text in {"-h", "--help"} for text in arguments):
        return guarded(_help)
    return guarded(lambda: _dispatch(arguments), interrupted="the same command goes on from the last whole artifact")


def _help() -> int:
    print(help_text())
    return 0


def _dispatch(arguments: list[str]) -> int:
    # Hydra would print tracebacks and exit itself; so it hands its exceptions on.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    from hydra.errors import HydraException

    from experiments.command import mistakes
    from experiments.command.compose import Composer
    from experiments.command.own_study import take_study
    from experiments.command.quoting import accept

    many = any(text in MULTIRUN for text in arguments)
    typed, arguments = arguments, accept(take_study(flags_first(arguments)), many=many)
    flags = _flags(arguments)
    _check_internal(flags.overrides)
    try:
        if any(getattr(flags, name, None) for name in HYDRA_FLAGS):
            _hand_to_hydra(arguments)
            return 0
        composer = Composer()
        if flags.multirun:
            return _sweep(arguments, flags.overrides, composer, typed=typed)
        return _single(arguments, flags.overrides, composer)
    except HydraException as error:
        raise UserError(mistakes.hydra_line(str(error), str(error.__cause__ or ""))) from error


def flags_first(arguments: Sequence[str]) -> list[str]:
    """`-m` in front: where it stands between overrides, argparse would take those after it for unknown flags."""
    many = [text for text in arguments if text in MULTIRUN]
    return [*many[:1], *(text for text in arguments if text not in MULTIRUN)]


def _flags(arguments: Sequence[str]) -> argparse.Namespace:
    """Hydra's flags. Raises UserError for one that it does not have."""
    from hydra._internal.utils import get_args_parser

    def refuse(message: str) -> NoReturn:
        raise UserError(f"{message} (python -m experiments.run --help explains)")

    parser = get_args_parser()
    parser.error = refuse
    flags: argparse.Namespace = parser.parse_args(arguments)
    return flags


def _single(arguments: Sequence[str], overrides: Sequence[str], composer: Composer) -> int:
    from experiments.command.memory import memory_lines
    from experiments.command.others import check_other_runs
    from experiments.command.overrides import for_hydra, key_of
    from experiments.command.quoting import several
    from experiments.store.abandoned import clear_abandoned
    from experiments.store.use import at_work
    from experiments.studies.jobs import is_done
    from experiments.tracking.sync import say_offline

    _check_once(overrides, composer)
    _check_study(overrides)
    for one in composer.parse(overrides):
        if key_of(str(one.input_line)) == "study" and one.value() is not None:
            raise UserError(f"{one.input_line}: a study is many runs: add -m (dry_run=true shows its plan)")
        if one.is_sweep_override():
            raise UserError(several(str(one.input_line), group=composer.is_group(one.key_or_group)))
    run = composer.run(overrides)
    check_other_runs([run])
    config = composer.config(overrides)
    if config["dry_run"]:
        print(f"run {run.run_id}  {'done' if is_done(run) else 'to run'}")
        for line in memory_lines([run]):
            print(line)
        return 0
    store = _check_folders(config)
    results: list[RunResult] = []
    with at_work(store, when_alone=clear_abandoned):
        _hand_to_hydra([*map(for_hydra, arguments), f"run_name='{run.run_id}'"], results)
    code = _conclude(results[0], run.execution.store)
    say_offline(config)
    return code


def _check_folders(config: dict[str, Any]) -> Path:
    """The store. Raises UserError where it, or the folder of everything else, may not be written to."""
    outputs, store = Path(str(config["outputs"])), Path(str(config["execution"]["store"]))
    check_writable("outputs", outputs)
    check_writable("execution.store", store)
    return store


def _conclude(result: RunResult, store: Path) -> int:
    from experiments.records.folder import record_paths

    if result.record is not None:
        print(f"record: {record_paths(store, result.run_id)[0]}")
        return 0
    print(f"error: {result.cause}", file=sys.stderr)
    if result.usage:
        return 2
    print(f"log: {result.log}", file=sys.stderr)
    return 1


def _check_internal(overrides: Sequence[str]) -> None:
    from experiments.command.mistakes import INTERNAL
    from experiments.command.overrides import key_of

    for text in overrides:
        if key_of(text).lstrip("+~").partition(".")[0] in INTERNAL:
            raise UserError(f"{text}: the command fills this in itself: leave it out")


def _check_study(overrides: Sequence[str]) -> None:
    """What belongs to a study would do nothing without one."""
    from experiments.command.overrides import key_of

    given = {key_of(text).lstrip("+"): text for text in overrides}
    for key, text in given.items():
        if key.partition(".")[0] == "search":
            raise UserError(f"{text}: a search is another command: python -m experiments.search {text}")
    for key in ("scale", "only"):
        if key in given and "study" not in given:
            raise UserError(f"{given[key]}: this belongs to a study: name one with -m study=NAME")


def _check_once(overrides: Sequence[str], composer: Composer) -> None:
    from experiments.command.overrides import key_of

    keys = [key_of(text) for text in overrides]
    for key in keys:
        if keys.count(key) > 1 and composer.is_group(key):
            raise UserError(
                f"{key} is given {keys.count(key)} times: give it once, or several values with -m ({key}=a,b)"
            )


def _sweep(arguments: Sequence[str], overrides: Sequence[str], composer: Composer, *, typed: Sequence[str]) -> int:
    from experiments.command.build import IDENTITY
    from experiments.command.overrides import key_of
    from experiments.store.abandoned import clear_abandoned
    from experiments.store.use import at_work
    from experiments.studies.sweep import SweepFailed
    from experiments.tracking.sync import say_offline

    _check_once(overrides, composer)
    _check_study(overrides)
    for one in composer.parse([text for text in overrides if key_of(text) == "study"]):
        if one.is_sweep_override():
            raise UserError(f"{one.input_line}: one study at a time")
    common = [text for text in overrides if key_of(text).partition(".")[0] not in {*IDENTITY, "hydra"}]
    config = composer.config([text for text in common if not key_of(text).startswith("hydra/")])
    given = [protect(text, composer) if text in overrides else text for text in arguments]
    tell_on_screen()
    try:
        if config["dry_run"] and not _asks_hydra(arguments, overrides):
            _show_plan(overrides, composer)
        elif config["dry_run"]:
            _hand_to_hydra(given)
        else:
            with at_work(_check_folders(config), when_alone=clear_abandoned):
                _hand_to_hydra(given)
    except SweepFailed:
        print(f"  {shell(['python', '-m', 'experiments.run', *typed])}")
        say_offline(config)
        return 1
    if not config["dry_run"]:
        say_offline(config)
    return 0


def _asks_hydra(arguments: Sequence[str], overrides: Sequence[str]) -> bool:
    """Whether a command line sets anything of Hydra itself, but for the launcher, which a plan has no need of."""
    flags = {*arguments} - {*overrides, *MULTIRUN}
    return bool(flags) or any(text.lstrip("+~").startswith("hydra.") for text in overrides)


def _show_plan(overrides: Sequence[str], composer: Composer) -> None:
    """What the sweeper does of a dry run, without Hydra, which would compose twice more to find the sweeper."""
    from experiments.command.overrides import unforced
    from experiments.studies.sweep import run_sweep

    def launch(_batch: Sequence[Sequence[str]], _first: int) -> None:
        raise AssertionError("a dry run launches nothing")

    given = [unforced(protect(text, composer)) for text in overrides if not text.startswith("hydra/")]
    run_sweep(given, composer=composer, launch=launch)


def protect(text: str, composer: Composer) -> str:
    """`key=value` as `key=choice(value)` where only some choices have the key; an arm of one's own is forced in.

    Hydra checks plain values against the default choices before the sweeper sees them, but leaves sweeps alone. Null
    cannot be swept, so it is forced in, and the sweeper takes the force away again.
    """
    from experiments.command.build import IDENTITY
    from experiments.command.overrides import FORCED, OWN_ARM

    (override,) = composer.parse([text])
    key, _, value = text.partition("=")
    if key.startswith(OWN_ARM):
        return f"{FORCED}{text}"
    plain = not (override.is_sweep_override() or override.is_add() or override.is_force_add() or override.is_delete())
    if plain and value and not composer.is_group(key) and key.partition(".")[0] in IDENTITY:
        return f"{FORCED}{key}=null" if override.value() is None else f"{key}=choice({value})"
    return text


def _hand_to_hydra(arguments: Sequence[str], results: list[RunResult] | None = None) -> None:
    import hydra

    from experiments.command.compose import CONF, CONFIG_NAME
    from experiments.command.job import execute

    def collect(config: DictConfig) -> None:
        if results is not None:
            results.append(execute(config))

    before = sys.argv
    sys.argv = [before[0], *arguments]
    try:
        decorate = hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)
        decorate(execute if results is None else collect)()
    finally:
        sys.argv = before


if __name__ == "__main__":
    sys.exit(main())
