"""Optuna's part of a search: its storage, sampler and pruner, and what it is asked.

Every sampler and pruner is made here by name with every setting that matters, for `optuna.create_study` would choose
both by itself (a MedianPruner among them).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from experiments.entry import check_writable
from experiments.errors import UserError
from experiments.identity import derive_seed
from experiments.searching.declaration import Choices, Scalar, Search, is_better_higher
from experiments.searching.space import Parameter, Space, rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optuna.study import Study

BEAT, GRACE = 30, 150
"""Seconds between a worker's signs of life, and without one after which its trial is taken to be lost."""
OnLost = Callable[["Study", FrozenTrial], None]
FIXED = "fixed_params"
"""Under this attribute Optuna keeps the values of a trial that was enqueued."""


def open_study(search: Search, storage: BaseStorage, *, steps: int) -> Study:
    """The search in its storage, made where it is not there. steps: of one whole training."""
    return optuna.create_study(
        study_name=search.name,
        storage=storage,
        sampler=SeededSampler(search),
        pruner=make_pruner(search, steps=steps),
        directions=["maximize" if is_better_higher(name) else "minimize" for name in search.objectives],
        load_if_exists=True,
    )


def open_storage(asked: str | None, *, default: Path, on_lost: OnLost) -> BaseStorage:
    """The storage that was asked for, None = the journal file `default`.

    on_lost: told of trials whose heartbeat has stopped, by storages that have heartbeats. Raises UserError for a
    storage that cannot be had.
    """
    quiet()
    if asked is None or asked.startswith("journal:"):
        return _journal(default if asked is None else Path(asked.removeprefix("journal:")).expanduser())
    scheme, _, rest = asked.partition("://")
    if scheme not in {"sqlite", "postgresql", "postgresql+psycopg"} or not rest:
        kinds = "journal:FILE, sqlite:///FILE or postgresql://USER@HOST/NAME"
        raise UserError(f"search.storage={hidden(asked)}: should be {kinds}, or null for a journal file in the store")
    return _database(asked if scheme == "sqlite" else f"postgresql+psycopg://{rest}", on_lost)


def hidden(storage: str) -> str:
    """A storage as it may be shown: without user and password."""
    scheme, found, rest = storage.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"


def _journal(path: Path) -> JournalStorage:
    check_writable("search.storage", path.parent)
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        _mend(path)
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileSymlinkLock(str(path))))


def _mend(path: Path) -> None:
    """Cut a last line that a full disk or a power cut has left half-written: Optuna could read nothing after it."""
    if not path.is_file():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)


def _database(url: str, on_lost: OnLost) -> RDBStorage:
    sqlite = url.startswith("sqlite")
    try:
        return RDBStorage(
            url,
            engine_kwargs={"connect_args": {"timeout": 60}} if sqlite else {"pool_pre_ping": True},
            heartbeat_interval=BEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=on_lost,
        )
    except ImportError as error:
        raise UserError(
            f"search.storage={hidden(url)}: its driver is not installed ({error.name}): install the extra [search]"
        ) from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise UserError(f"search.storage={hidden(url)}: cannot be opened ({reason})") from error


class SeededSampler(BaseSampler):
    """The declared sampler with a seed of its own for every trial, by (seed, number of the trial).

    So workers that start together suggest different things, a resumed search repeats nothing, and one worker's search
    can be repeated.
    """

    def __init__(self, search: Search) -> None:
        self._search = search
        self._number = -1
        self._sampler: BaseSampler = RandomSampler(seed=0)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Of the sampler that is made for this trial."""
        if trial.number != self._number:
            self._number = trial.number
            self._sampler = make_sampler(self._search, seed=derive_seed(self._search.seed, "sampler", trial.number))
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Of this trial's sampler."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Of this trial's sampler."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Of this trial's sampler."""
        self._sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Of this trial's sampler."""
        self._sampler.after_trial(study, trial, state, values)


def make_sampler(search: Search, *, seed: int) -> BaseSampler:
    """The declared sampler; of a grid every point is enqueued, so that nothing is asked of it.

    Raises UserError for a package that is missing.
    """
    match search.sampler:
        case "tpe":
            # group: parameters that only some trials have are modelled together with those trials.
            return TPESampler(
                n_startup_trials=search.startup,
                multivariate=True,
                group=True,
                constant_liar=True,
                seed=seed,
            )
        case "cmaes":
            try:
                import cmaes  # noqa: F401
            except ImportError as error:
                raise UserError(
                    "search.sampler=cmaes: the package cmaes is not installed: install the extra [search]"
                ) from error
            return CmaEsSampler(n_startup_trials=1, warn_independent_sampling=False, seed=seed)
    return RandomSampler(seed=seed)


def make_pruner(search: Search, *, steps: int) -> BasePruner:
    """Resources are training steps: the first look comes after `every`, a whole training has `steps`."""
    match search.pruner:
        case "hyperband":
            return HyperbandPruner(
                min_resource=search.every, max_resource=steps, reduction_factor=search.factor, bootstrap_count=0
            )
        case "halving":
            return SuccessiveHalvingPruner(
                min_resource=search.every, reduction_factor=search.factor, min_early_stopping_rate=0, bootstrap_count=0
            )
        case "median":
            return MedianPruner(
                n_startup_trials=search.startup, n_warmup_steps=search.every, interval_steps=1, n_min_trials=1
            )
    return NopPruner()


def suggest(trial: Trial, space: Space) -> dict[str, Scalar]:
    """The settings of a trial: every parameter that applies is suggested, in declared order."""
    return space.walk(lambda parameter: _suggest(trial, parameter))


def settings_of(trial: FrozenTrial, space: Space) -> dict[str, Scalar]:
    """The settings of a trial that was suggested before, as far as it came."""
    return {
        one.key: rounded(trial.params[one.name], one.values) for one in space.parameters if one.name in trial.params
    }


def _suggest(trial: Trial, parameter: Parameter) -> Scalar:
    name, one = parameter.name, parameter.values
    if isinstance(one, Choices):
        return trial.suggest_categorical(name, list(one.choices))
    if one.whole:
        low, high, step = int(one.low), int(one.high), int(one.step or 1)
        return trial.suggest_int(name, low, high - (high - low) % step, step=step, log=one.log)
    last = one.high if one.step is None else float(parameter.grid()[-1])  # type: ignore[arg-type]
    return trial.suggest_float(name, one.low, last, step=one.step, log=one.log)


def is_enqueued(trial: FrozenTrial) -> bool:
    """Whether its values were given and not suggested."""
    return FIXED in trial.system_attrs


def importance(study: Study, *, higher: bool) -> dict[str, float]:
    """Parameter name -> share of what decides whether a trial is among the best tenth by the first objective.

    PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255); empty for one parameter, or fewer than ten whole trials.
    """
    whole = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    names = {name for trial in whole for name in trial.params}
    if len(names) < 2 or len(whole) < 10:
        return {}
    sign = -1.0 if higher else 1.0
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(
        target_quantile=0.1, region_quantile=1.0, evaluate_on_local=True
    )
    found = optuna.importance.get_param_importances(
        study, evaluator=evaluator, target=_signed_first(sign), normalize=True
    )
    return {name: round(float(share), 6) for name, share in found.items()}


def _signed_first(sign: float) -> Callable[[FrozenTrial], float]:
    return lambda trial: sign * trial.values[0]


def quiet() -> None:
    """Optuna's own lines are kept off the screen; so are its notes that an interface may change."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


@contextmanager
def no_warnings() -> Iterator[None]:
    """For `ask`, which expects that only `optimize` sends heartbeats; here a thread of ours does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
