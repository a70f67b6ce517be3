"""A study's cells as composed runs: what the command line may set, common rows, and the value chosen in phase 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.command import mistakes
from experiments.command.build import Composed
from experiments.command.compose import Composer
from experiments.command.folders import with_model_paths
from experiments.command.overrides import key_of, write_value
from experiments.command.quoting import one_value
from experiments.command.rankings import with_ranking_paths
from experiments.errors import UserError
from experiments.records.folder import find_record
from experiments.studies.cells import Cell, choose_value, phase_one, phase_two
from experiments.studies.common_rows import check_same_rows, check_trains, listed_rows
from experiments.studies.declaration import Choose, Declaration
from experiments.studies.dev import DEV_OVERRIDES, check_dev_only, dev_score
from experiments.studies.fitted import suited
from experiments.studies.given import about_study, command_of, load_study, sets_data, study_file, varied_keys
from experiments.studies.jobs import Job
from experiments.studies.own_data import OtherData, other_data
from experiments.studies.plain import plain_name
from experiments.studies.plan import Chosen, CurvePoint

if TYPE_CHECKING:
    from experiments.studies.measure import Sampled


@dataclass
class StudyPlanner:
    """Composes the cells of one study.

    settings: what the command line sets for every run. other: not None where that is other data than the study's own.
    sampled, fitted: of a study with `fitted`, what was measured of its collection, and the settings that suit it.
    command: the whole command line in plain words, for messages and pages.
    """

    composer: Composer
    study: Declaration
    choice: str
    settings: tuple[str, ...]
    other: OtherData | None = None
    command: tuple[str, ...] = ()
    sampled: Sampled | None = None
    fitted: tuple[str, ...] = ()
    chosen: dict[tuple[str, str], Chosen] = field(default_factory=dict)
    _cache: dict[Cell, Job] = field(default_factory=dict)
    _cells: tuple[object, list[Cell]] | None = None
    _open: list[Cell] = field(default_factory=list)

    @classmethod
    def make(cls, arguments: Sequence[str], composer: Composer) -> StudyPlanner:
        """From a command line that holds `study=NAME`. Raises UserError for a declaration or setting that cannot be."""
        study = load_study(arguments, composer)
        (choice,) = [text for text in arguments if key_of(text) == "study"]
        parsed = [one for one in composer.parse(arguments) if not about_study(one)]
        settings = tuple(one_value(one) for one in parsed)
        other = None if study.fitted or sets_data(study) else other_data(composer, study, choice, settings)
        if other is not None:
            keep = frozenset(key_of(text).removeprefix("study.") for text in arguments)
            study = other.declaration(study, keep=keep)
        planner = cls(composer, study, choice, settings, other, command_of(composer, arguments))
        for text in settings:
            planner._check_setting(text)
        if study.fitted:
            planner._fit()
        for name, block in study.blocks.items():
            for text in block.overrides:
                planner._check_known(text, [cell for cell in planner.cells() if cell.block == name])
        return planner

    def _fit(self) -> None:
        """Measure the collection of the first run, and take the settings that suit it and that nothing else gives."""
        from experiments.studies.measure import sample

        planned = [self.job(cell).composed for cell in self.cells()]
        first = planned[0]
        if all(key_of(text) != "study.name" for text in self.command):
            # Each collection has a plan and a page of its own.
            name = f"{self.study.name}-{plain_name(first.config.data.name)}"
            self.study = self.study.model_copy(update={"name": name})
        self.sampled = sample(first, [run.config for run in planned])
        given = {key_of(text) for text in self.settings}
        found = suited(self.sampled.measured, negatives=first.config.mining.num_negatives, effort=self.study.effort)
        self.fitted = tuple(f"{key}={value}" for key, value in found.items() if key not in given)
        self._cache.clear()

    def _check_setting(self, text: str) -> None:
        key, name = key_of(text), self.study.name
        if key == "seed":
            raise UserError(f"{text}: the seeds are the study's: set study.seeds=[...]")
        if key in varied_keys(self.study):
            raise UserError(f"{text}: {key} is what study {name} varies: leave it out, or edit the study's file")
        self._check_known(text, [*phase_one(self.study), *self.cells()])

    def _check_known(self, text: str, cells: Sequence[Cell]) -> None:
        """A key is dropped for an arm that lacks it only if another arm has it: else it is a typing mistake."""
        key = key_of(text)
        layers = [self._choices(cell) for cell in cells]
        if not self.composer.is_group(key) and not any(self.composer.has_key(one, key) for one in layers):
            raise UserError(mistakes.unknown_key(text, self.composer.config(layers[0])))

    # ------------------------------------------------------------ cells

    def cells(self) -> list[Cell]:
        """The cells of phase 2, with the values that are known by now."""
        known = {place: item.value for place, item in self.chosen.items() if item.value is not None}
        state = (self.study, known)
        if self._cells is None or self._cells[0] != state:  # asked for once a cell by those that look for another
            self._cells = (state, phase_two(*state))
        return list(self._cells[1])

    def phase_one(self) -> list[Job]:
        """The dev runs, composed and checked: no test query is evaluated. Takes up what has been chosen by now."""
        jobs = [self.job(cell) for cell in phase_one(self.study)]
        for job in jobs:
            check_dev_only(job.composed.config, job.title)
        self._choose(jobs)
        return jobs

    def phase_two(self) -> list[Job]:
        """The runs of phase 2 that wait for nothing. Reads the store for what phase 1 found."""
        if self.study.choose:
            self._choose([self.job(cell) for cell in phase_one(self.study)])
        jobs = [self.job(cell) for cell in self.cells() if not cell.waits]
        self._check_arms_differ(jobs)
        return jobs

    def _check_arms_differ(self, jobs: Sequence[Job]) -> None:
        """Two declared arms that come to one run would be one result under two names."""
        first: dict[tuple[str, int, str], str] = {}
        for job in jobs:
            cell = job.cell
            if cell is None or cell.arm not in self.study.arms:
                continue
            other = first.setdefault((cell.block, cell.seed, job.composed.run_id), cell.arm)
            if other != cell.arm:
                where = study_file([self.choice], self.composer).where(["study", "arms", cell.arm])
                raise UserError(
                    f"{where}: arms {other!r} and {cell.arm!r} of block {cell.block} are the same run "
                    f"({job.composed.run_id}): drop one, or change what it sets"
                )

    def blocked(self) -> list[tuple[Cell, str]]:
        """The cells that could not be composed, and why: one line naming the missing dev runs."""
        causes = []
        for cell in self.cells():
            if cell.waits:
                items = [(name, self.chosen[cell.block, name]) for name in cell.waits]
                causes.append((cell, "; ".join(missing_line(cell.block, name, item) for name, item in items)))
        return causes

    def job(self, cell: Cell) -> Job:
        """The composed run of a cell. Raises UserError for one that needs its own result."""
        if cell not in self._cache:
            self._check_no_circle(cell)
            self._open.append(cell)
            choices = self._choices(cell)
            settings = [text for text in self._settings(cell) if self._applies(text, choices)]
            resets = () if self.other is None else self.other.resets
            overrides = [*self._layers(cell), *resets, *settings, *self._stages(cell)]
            overrides += [*self._common_rows(cell, overrides), *self._labels(cell)]
            if cell.phase == 1:
                overrides = [text for text in overrides if not _about_targets(text)] + list(DEV_OVERRIDES)
            composed = self._compose(cell, overrides)
            names = tuple({key_of(text): text for text in overrides}.values())
            self._cache[cell] = Job(cell.title, names, composed, cell)
            self._open.remove(cell)
        return self._cache[cell]

    def _check_no_circle(self, cell: Cell) -> None:
        if cell in self._open:
            circle = " <- ".join(one.title for one in (*self._open[self._open.index(cell) :], cell))
            raise UserError(
                f"{circle}: each needs the one after it: name another arm in teacher_of, student_of or rows_of"
            )

    def _compose(self, cell: Cell, overrides: Sequence[str]) -> Composed:
        try:
            return self.composer.run(overrides)
        except UserError as error:
            raise UserError(f"{self._where(cell, str(error))}{cell.title}: {error}") from error

    def _where(self, cell: Cell, message: str) -> str:
        """`conf/study/NAME.yaml:LINE: ` where the study's file, and not the command line, set what a message names."""
        key = message.partition(":")[0].partition("=")[0]
        if key in {key_of(text) for text in self.settings}:
            return ""
        file = study_file([self.choice], self.composer)
        set_by_cell = any(key_of(text) == key for text in cell.overrides)
        places = [["study", "arms", cell.arm], ["study", "choose", cell.arm], ["study", "blocks", cell.block]]
        found = [
            where for path in (places if set_by_cell else [key.split(".")]) if (where := file.where(path, exact=True))
        ]
        return f"{found[0]}: " if found else ""

    def _layers(self, cell: Cell) -> list[str]:
        """The study, what its block sets and the arm has, and the arm itself."""
        choices = self._choices(cell)
        split = len(self.study.blocks[cell.block].overrides)
        block = [text for text in cell.overrides[:split] if self._applies(text, choices)]
        fitted = [text for text in self.fitted if self._applies(text, choices)]
        return [*choices, *fitted, *block, *cell.overrides[split:]]

    def _choices(self, cell: Cell) -> list[str]:
        texts = (*cell.overrides, *self._settings(cell))
        return [self.choice, *(text for text in texts if self.composer.is_group(key_of(text)))]

    def _settings(self, cell: Cell) -> list[str]:
        """What the command line sets for a cell: another teacher or student is that of the runs that have one."""
        return [text for text in self.settings if key_of(text) not in dict(cell.stages)]

    def _applies(self, text: str, choices: Sequence[str]) -> bool:
        return self.composer.is_group(key_of(text)) or self.composer.has_key(choices, key_of(text))

    def _stages(self, cell: Cell) -> list[str]:
        """The runs whose students the cell's teacher and student are, and where these find their local base models.

        Raises UserError for a run that the study does not have, or that trains nothing.
        """
        overrides, folders = [], set[Path]()
        for group, (block, arm, seed) in cell.stages:
            where = f"{cell.title}: {group}_of={arm}"
            found = [one for one in self.cells() if (one.block, one.arm, one.seed) == (block, arm, seed)]
            if not found:
                raise UserError(
                    f"{where}: block {block} does not run that arm with seed {seed}: name a run that it has"
                )
            source = self.job(found[0]).composed
            check_trains(source.config, where)
            overrides.append(f"{group}.run={write_value(source.run_id)}")
            folders |= {*source.execution.model_paths.values()}
        listed = write_value(sorted(map(str, folders)))
        return [*overrides, f"execution.model_folders={listed}"] if folders else overrides

    def _common_rows(self, cell: Cell, own: Sequence[str]) -> list[str]:
        """The miners of the arms whose rows the cell is restricted to, as a run of its `own` overrides lists them.

        An arm that is restricted itself brings the miners that it lists. Raises UserError for an arm whose rows depend
        on something that cannot be listed.
        """
        if not cell.rows_of:
            return []
        config = self._compose(cell, own).config
        there = {other.arm: other for other in self.cells() if _same_place(other, cell)}
        rows: list[dict[str, Any]] = []
        for arm in cell.rows_of:
            where = f"{cell.title}: rows_of={arm}"
            if arm not in there:
                raise UserError(f"{where}: block {cell.block} does not run that arm: list it there")
            source = self.job(there[arm]).composed
            check_same_rows(source.config, config, where)
            listed = with_model_paths(listed_rows(source.config, config), source.execution.model_paths)
            listed = with_ranking_paths(listed, source.execution.ranking_paths)
            rows += [one for one in listed if one not in rows]
        return [f"mining.common_with={write_value(rows)}"]

    def _labels(self, cell: Cell) -> list[str]:
        labels = {"study": self.study.name, "block": cell.block, "arm": cell.arm}
        return [f"labels.{name}={write_value(value)}" for name, value in labels.items()]

    # ------------------------------------------------------------ phase 1

    def _choose(self, jobs: Sequence[Job]) -> None:
        places = dict.fromkeys((job.cell.block, job.cell.arm) for job in jobs if job.cell is not None)
        for block, arm in places:
            own = [job for job in jobs if job.cell and (job.cell.block, job.cell.arm) == (block, arm)]
            self.chosen[block, arm] = _choice(self.study.choose[arm], own)


def missing_line(block: str, arm: str, chosen: Chosen) -> str:
    """Why no value could be chosen."""
    missing = [f"{chosen.key}={point.value}" for point in chosen.curve if point.mean is None]
    return f"{block} / {arm}: no value chosen, dev runs are missing for {', '.join(missing)}"


def _choice(choose: Choose, jobs: Sequence[Job]) -> Chosen:
    curve = []
    for value in choose.values:
        runs = [job.composed for job in jobs if job.cell is not None and job.cell.value == value]
        scores = [_dev_score(run, choose.measure) for run in runs]
        whole = [score for score in scores if score is not None]
        mean = sum(whole) / len(whole) if len(whole) == len(scores) else None
        curve.append(CurvePoint(value=value, run_ids=tuple(run.run_id for run in runs), mean=mean))
    means = {point.value: point.mean for point in curve if point.mean is not None}
    best = choose_value(choose, means) if len(means) == len(curve) else None
    return Chosen(key=choose.key, by=choose.by, curve=tuple(curve), value=best)


def _dev_score(run: Composed, measure: str) -> float | None:
    """What the run scored on its dev queries; None before it ran."""
    record = find_record(run.execution.record_roots, run.run_id)
    return None if record is None else dev_score(record, run.config, measure)


def _about_targets(text: str) -> bool:
    return key_of(text) in {key_of(other) for other in DEV_OVERRIDES}


def _same_place(one: Cell, other: Cell) -> bool:
    return (one.block, one.seed) == (other.block, other.seed)
