"""What a study cannot show."""

from __future__ import annotations

from analysis.load import Study


def limits(study: Study) -> list[str]:
    """What every reader must know before using a figure of this page: the study's own lines, then those of all."""
    seeds = [len(study.cell(block, arm)) for block in study.plan.blocks for arm in study.plan.arms(block)]
    lines = [
        "Known false negatives are a lower bound: relevant documents that nobody judged are not counted.",
        "Intervals are about these collections; another collection is another question.",
        "The teacher and the base model have probably seen text like this collection.",
    ]
    if study.runs and all(run.config.until == "mine" for run in study.runs.values()):
        lines[1] = "What is mined is not what is learnt: no student was trained here."
    elif max(seeds, default=0) < 2:
        lines.insert(0, "One seed: the intervals cover queries only. A second seed may move every figure.")
    if any(run.config.student.kind == "distilled" for run in study.runs.values()):
        lines.append("The distilled base was fitted to the embeddings of the teacher that mines.")
    if len({run.config.teacher.name for run in study.runs.values()}) == 1:
        lines.append("One teacher: thresholds and rates need not hold for another.")
    return [*study.plan.declaration.limits, *lines]
