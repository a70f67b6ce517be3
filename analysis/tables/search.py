"""The tables of a search's page: its winner, how much of the gain was selection, its trials, front and importance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from analysis.formats import DASH, Table, comma_separated, fixed, interval, markdown, percent, signed
from analysis.load import Study
from analysis.searched import Optimism, Saving, optimism, ranked, saving, unbeaten
from analysis.stats import Difference
from experiments.entry import shell
from experiments.searching.declaration import RATE, SECONDS
from experiments.searching.space import parameters
from experiments.searching.trials import SearchFile, TrialLine

BEST = 10
"""Trials that the page lists; tables/trials.csv has all of them."""
NO_GAIN = 1e-9


def winner_markdown(study: Study, _blocks: Sequence[str]) -> str:
    """The winner's settings beside the paper's, and the commands that run it; "" for what is no search."""
    search = study.search
    if search is None or search.winner is None or search.baseline is None:
        return ""
    won, base = search.trial(search.winner), search.baseline
    keys = list(dict.fromkeys([*base.settings, *won.settings]))
    first = search.search.objectives[0]
    rows = [(f"`{key}`", _setting(base, key), _setting(won, key)) for key in keys]
    rows += [(name, _value(base, name), _value(won, name)) for name in search.search.shown]
    header = ("", f"paper's setting ({search.search.baseline}, trial {base.number})", f"winner (trial {won.number})")
    same = won.run_id == base.run_id
    said = (
        "No trial beat the paper's setting: the search found nothing to change.\n\n"
        if same
        else f"The best of {len(search.whole)} whole trials by {first}, all with one seed.\n\n"
    )
    command = shell(["python", "-m", "experiments.run", *search.line])
    table, override = markdown(Table(header, tuple(rows))), " ".join(search.override)
    return f"{said}{table}\nOverrides: `{override}`\n\n```\n{command}\n```\n"


def optimism_markdown(study: Study, _blocks: Sequence[str]) -> str:
    """The gain in the search, with fresh seeds on dev and on test, and what of it was selection."""
    found, search = optimism(study), study.search
    if found is None or search is None:
        return ""
    base = search.search.baseline
    fresh = len(search.search.seeds)
    rows = (
        ("in the search: dev, one run", *_means(found.searched), signed(found.gain), DASH),
        (f"dev again, {fresh} fresh seeds", *_means(found.dev_means), _difference(found.dev), _lost(found, found.dev)),
        (f"test, {fresh} fresh seeds", *_means(found.test_means), _difference(found.test), _lost(found, found.test)),
    )
    header = ("nDCG@10", "winner", base, f"difference to {base} [95%]", "gain of the search that is gone [95%]")
    return f"{markdown(Table(header, rows))}\n{_sentence(found)}\n"


def _means(pair: tuple[float, float] | None) -> tuple[str, str]:
    return (DASH, DASH) if pair is None else (fixed(pair[0], 4), fixed(pair[1], 4))


def _difference(found: Difference | None) -> str:
    return DASH if found is None else interval(found.mean, found.low, found.high)


def _lost(found: Optimism, left: Difference | None) -> str:
    return DASH if left is None else interval(found.gain - left.mean, found.gain - left.high, found.gain - left.low)


def _sentence(found: Optimism) -> str:
    if found.dev is None or found.test is None:
        return "Runs with fresh seeds are missing, so nobody knows what of the gain was selection."
    if found.gain <= NO_GAIN:
        return "The winner gained nothing on dev, so there was nothing to select."
    seeds, queries = found.gain - found.dev.mean, found.dev.mean - found.test.mean
    gone = 1 - found.test.mean / found.gain
    share = f"{round(100 * gone)}% of it was selection" if gone > 0 else "none of it shows as selection"
    return (
        f"Selection: of the {signed(found.gain)} that the winner gained in the search, {signed(found.test.mean)} is "
        f"left on test, so {share}. {signed(seeds)} went with the seed (the same dev queries, "
        f"fresh seeds), {signed(queries)} more with the queries. The intervals cover seeds and queries of the fresh "
        "runs; the search's own gain is taken as it was seen."
    )


def trials_markdown(study: Study, _blocks: Sequence[str]) -> str:
    """How the trials ended, what pruning and the ledger saved, and the best of them."""
    search = study.search
    if search is None:
        return ""
    counts = Counter(trial.state for trial in search.trials)
    states = ", ".join(f"{counts[state]} {state}" for state in ("whole", "pruned", "failed", "lost") if counts[state])
    workers = len({trial.worker for trial in search.trials if trial.worker is not None})
    one = search.search
    how = [
        *(f"- `{parameter.name}`: {parameter.shown()}." for parameter in parameters(one)),
        f"- {states}; {workers} worker{'' if workers == 1 else 's'}; sampler {one.sampler}, pruner {one.pruner}, "
        f"storage {search.storage}, Optuna {search.optuna}.",
        *_saving_lines(search, saving(search)),
        *_lost_lines(search),
        *_failed_lines(search),
    ]
    best = ranked(search)[:BEST]
    names = list(dict.fromkeys([*one.objectives, *one.shown]))
    header = ("trial", "settings", *names, "paper")
    rows = tuple((str(t.number), f"`{_said(t)}`", *(_value(t, name) for name in names), t.paper or "") for t in best)
    listed = f"The best {len(best)} by {one.objectives[0]}:\n\n{markdown(Table(header, rows, left=2))}"
    return "\n".join(how) + f"\n\n{listed}\nEvery trial: [tables/trials.csv](tables/trials.csv).\n"


def trials_files(study: Study) -> dict[str, str]:
    """trials.csv: every trial with its settings, how it ended, and what it gave."""
    search = study.search
    if search is None:
        return {}
    keys = list(dict.fromkeys(key for trial in search.trials for key in trial.settings))
    names = sorted({name for trial in search.trials for name in trial.values})
    facts = ("steps", "planned", "trained", "seconds", "worker", "again", "same_as", "paper", "run_id", "cause")
    rows = [
        [
            str(trial.number),
            trial.state,
            *(str(trial.settings.get(key, "")) for key in keys),
            *(str(trial.values.get(name, "")) for name in names),
            *("" if (value := getattr(trial, fact)) is None else str(value) for fact in facts),
        ]
        for trial in search.trials
    ]
    return {"trials.csv": comma_separated(("trial", "state", *keys, *names, *facts), rows)}


def _saving_lines(search: SearchFile, found: Saving) -> list[str]:
    lines = []
    if search.search.pruner != "none":
        seconds = "" if found.seconds is None else f", about {_seconds(found.seconds)} of training"
        share = percent(found.by_pruning / found.planned if found.planned else None)
        dear = found.seconds is not None and found.watching > found.seconds
        lines.append(
            f"- Pruning saved {found.by_pruning} of {found.planned} training steps ({share}){seconds}; looking at dev "
            f"queries on the way cost {_seconds(found.watching)}{', more than it saved' if dear else ''}."
        )
    lines.append(
        f"- {found.reused} whole trials cost no training (another had trained the same rows in the same way), nor did "
        f"{found.known_rows} pruned ones."
    )
    return lines


def _lost_lines(search: SearchFile) -> list[str]:
    again = {trial.again: trial.number for trial in search.trials if trial.again is not None}
    lost = [trial for trial in search.trials if trial.state == "lost"]
    said = [f"trial {one.number} (run again as trial {again[one.number]})" for one in lost if one.number in again]
    said += [f"trial {one.number} (not run again)" for one in lost if one.number not in again]
    return [f"- Workers went away in the middle of {', '.join(said)}."] if said else []


def _failed_lines(search: SearchFile) -> list[str]:
    causes = Counter(trial.cause for trial in search.trials if trial.state == "failed")
    return [f"- Failed {count} times: {cause}" for cause, count in sorted(causes.items())]


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"


def pareto_markdown(study: Study, _blocks: Sequence[str]) -> str:
    """The whole trials that no other beats in everything at once; "" where one thing is looked at alone."""
    search = study.search
    if search is None or len(search.search.shown) < 2:
        return ""
    shown = search.search.shown
    header = ("trial", "settings", *shown, "")
    rows = tuple(
        (str(t.number), f"`{_said(t)}`", *(_value(t, name) for name in shown), _marks(t, search))
        for t in unbeaten(search)
    )
    said = f"Trials that no other beats in {', '.join(shown)} at once; one run each."
    return f"{said}\n\n{markdown(Table(header, rows, left=2))}"


def importance_markdown(study: Study, _blocks: Sequence[str]) -> str:
    """What decides whether a trial is among the best tenth; "" where nothing was computed."""
    search = study.search
    if search is None or not search.importance:
        return ""
    rows = tuple((f"`{name}`", percent(share)) for name, share in search.importance.items())
    said = (
        "PED-ANOVA (Watanabe et al. 2023) over the whole trials: the share of each parameter in whether a trial is "
        "among the best tenth. It describes this search's trials, which crowd where the sampler went."
    )
    return f"{markdown(Table(('parameter', 'importance'), rows))}\n{said}\n"


def _marks(trial: TrialLine, search: SearchFile) -> str:
    marks = ["winner"] if trial.number == search.winner else []
    return ", ".join([*marks, *([trial.paper] if trial.paper else [])])


def _setting(trial: TrialLine, key: str) -> str:
    return f"{trial.settings[key]}" if key in trial.settings else DASH


def _value(trial: TrialLine, name: str) -> str:
    value = trial.values.get(name)
    if name == RATE:
        return percent(value)
    return fixed(value, 1 if name == SECONDS else 4)


def _said(trial: TrialLine) -> str:
    return " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in trial.settings.items())
