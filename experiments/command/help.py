"""The command's help: its groups and their choices, read from conf/ without importing Hydra."""

from __future__ import annotations

from pathlib import Path

CONF = Path(__file__).resolve().parents[2] / "conf"

USAGE = """\
usage: python -m experiments.run [-m] [GROUP=CHOICE | KEY=VALUE] ...

Which hard negatives make a better retriever? One run ranks a collection with a teacher, mines negatives from that
ranking, fine-tunes a student on them and measures it on test queries.

  python -m experiments.run miner=topk_percpos miner.threshold=0.95 teacher=bm25      one run
  python -m experiments.run data=beir data.path=FOLDER                                your own data, in BEIR form
  python -m experiments.run -m miner=naive_topk,topk_abs miner.threshold=0.6,0.7      a sweep: three runs
  python -m experiments.run -m study=demo                                             a study: arms x seeds
  python -m experiments.run -m study=demo dry_run=true                                its plan, and stop
"""

GROUPS = {
    "data": "the collection",
    "teacher": "ranks the candidates",
    "miner": "picks negatives from the ranking; holds the method's own parameter",
    "mining": "what all methods share: num_negatives, depth, selection, shortfall, positive_within, reveal",
    "student": "the base model to fine-tune",
    "train": "how; none = measure the student as it is",
    "evaluation": "where: collections, splits, tasks, lengths",
    "tracker": "a mirror of the records",
    "execution": "device, batch sizes, workers, store: never changes a number",
    "study": "many runs, with -m",
    "search": "a search over settings: python -m experiments.search search=NAME",
    "scale": "what the roles of a study stand for: teachers, students, collections",
}

KEYS = """\
other keys:
  seed=0                        the repeat of the experiment
  until=mine                    stop after mining: no student
  dry_run=true                  show what would run
  only=[naive_topk,random]      with a study: run these arms (or blocks) now, the rest later
  outputs=FOLDER                where everything is written (outputs)
  hydra/launcher=parallel       with -m: two runs at a time (hydra.launcher.n_jobs=N)
  --cfg job                     print the composed config with every key and its default
"""


def help_text() -> str:
    """The whole help."""
    lines = [USAGE, "groups (GROUP.KEY=VALUE sets a parameter of the choice):"]
    for group, what in GROUPS.items():
        choices = ", ".join(sorted(path.stem for path in (CONF / group).glob("*.yaml")))
        lines.append(f"  {group:<11} {what}\n  {'':<11}   {choices}")
    return "\n".join([*lines, "", KEYS])
