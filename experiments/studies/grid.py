"""A plain sweep: the cross product of the command line, less what a choice does not have, less duplicates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override

from experiments.command import mistakes
from experiments.command.compose import Composer
from experiments.command.overrides import key_of
from experiments.command.quoting import swept
from experiments.errors import UserError
from experiments.studies.jobs import Job


def grid_jobs(arguments: Sequence[str], composer: Composer) -> list[Job]:
    """The distinct runs, seed by seed. Raises UserError for a key that no combination has."""
    parsed = composer.parse([text for text in arguments if key_of(text) != "dry_run"])
    axes = [_values(one) for one in parsed]
    swept = {axis[0].partition("=")[0] for axis in axes if len(axis) > 1}
    combinations = [_kept(list(texts), composer) for texts in itertools.product(*axes)]
    _check_every_key(axes, combinations, composer)
    jobs = [_job(texts, swept, composer) for texts in combinations]
    _check_one_folder_a_name(jobs)
    unique = list({job.composed.run_id: job for job in reversed(jobs)}.values())[::-1]
    return sorted(unique, key=lambda job: job.composed.config.seed)


def _check_one_folder_a_name(jobs: Sequence[Job]) -> None:
    """Two folders of one name would be one run."""
    folders: dict[str, Path] = {}
    for job in jobs:
        for name, path in job.composed.execution.data_paths.items():
            if folders.setdefault(name, path) != path:
                raise UserError(f"{folders[name]} and {path} are both called {name}: rename one, or sweep them apart")


def _job(texts: Sequence[str], swept: set[str], composer: Composer) -> Job:
    differing = tuple(text for text in texts if key_of(text) in swept)
    return Job(" ".join(differing) or "run", tuple(texts), composer.run(texts), swept=differing)


def _values(override: Override) -> list[str]:
    """The override strings of one axis, checked as plain ones are."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if not override.is_discrete_sweep():
        raise UserError(f"{override.input_line}: intervals cannot be swept: list the values")
    return swept(override)


def _kept(texts: list[str], composer: Composer) -> list[str]:
    groups = [text for text in texts if composer.is_group(key_of(text))]
    return [text for text in texts if text in groups or not _is_change(text) or composer.has_key(groups, key_of(text))]


def _is_change(text: str) -> bool:
    return not text.startswith(("+", "~"))


def _check_every_key(axes: Sequence[Sequence[str]], combinations: Sequence[Sequence[str]], composer: Composer) -> None:
    """A key is dropped for a choice that lacks it only if some choice has it: else it is a typing mistake."""
    kept = {key_of(text) for texts in combinations for text in texts}
    for axis in axes:
        if key_of(axis[0]) not in kept:
            groups = [text for text in combinations[0] if composer.is_group(key_of(text))]
            raise UserError(mistakes.unknown_key(axis[0], composer.config(groups)))
