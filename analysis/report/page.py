"""results/<study>/README.md: what was declared, what was measured, what it cost, what it does not show."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figures.style import Figure
from analysis.formats import markdown
from analysis.grouped import group_lines
from analysis.load import Study
from analysis.report.conditions import collection_section, cost_section, environment_section
from analysis.report.declared import declaration_section
from analysis.report.detail import detail_section, limits
from analysis.report.missing import fill_command, missing_lines
from analysis.report.setting import setting_section
from analysis.tables.blocks import block_markdown
from analysis.tables.contrasts import contrasts_table


def page(study: Study, figures: Sequence[Figure]) -> str:
    """The whole page as Markdown; equal text for equal records."""
    sections = [
        f"# {study.name}\n\n{study.plan.declaration.question}\n",
        declaration_section(study),
        setting_section(study),
        _tables(study),
        *([_contrasts(study)] if study.plan.declaration.contrasts else []),
        *([_figures(figures)] if figures else []),
        detail_section(study),
        collection_section(study),
        environment_section(study),
        cost_section(study),
        _section("Limits", "".join(f"- {line}\n" for line in limits(study))),
        _commands(study),
    ]
    return "\n".join(section for section in sections if section)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _tables(study: Study) -> str:
    parts = [f"### {block}\n\n{block_markdown(study, block)}" for block in study.plan.blocks]
    gaps = missing_lines(study, begun_only=True)
    if gaps:
        parts.append("Not finished:\n\n" + "".join(f"    {line}\n" for line in gaps))
    links = ", ".join(
        f"[{block}.{kind}](tables/{block}.{kind})"
        for block in study.plan.blocks
        if study.started(block)
        for kind in ("csv", "tex")
    )
    return _section("Methods", "\n".join([*parts, *([f"The same as files: {links}.\n"] if links else [])]))


def _contrasts(study: Study) -> str:
    note = "Declared before the first run; Holm over all lines, one that is missing counted with p = 1."
    if study.plan.declaration.margin is not None:
        note += " p (equivalence), and with it a verdict of equivalent, is not adjusted for the family."
    return _section("Primary contrasts", f"{markdown(contrasts_table(study))}\n{note}\n{_groups(study)}")


def _groups(study: Study) -> str:
    lines = group_lines(study)
    if not lines:
        return ""
    note = (
        "By group: cluster-robust, for queries of one group (one article, one source file) need not be independent;\n"
        "p (equivalence) and verdict take them to be."
    )
    return f"\n{note}\n\n{''.join(f'- {line}' + chr(10) for line in lines)}"


def _figures(figures: Sequence[Figure]) -> str:
    return _section(
        "Figures",
        "\n".join(f"![{figure.title}](figures/{figure.name}.svg)\n\n{figure.caption}\n" for figure in figures),
    )


def _commands(study: Study) -> str:
    name = study.name
    dry_run = f"python -m experiments.run -m study={name} dry_run=true"
    planner = f"python -m analysis plan {name} --difference 0.01"
    next_time = f"{planner:<57} # how many seeds and queries next time\n" if study.plan.declaration.contrasts else ""
    return _section(
        "Commands",
        f"""```
{dry_run:<57} # the plan
{fill_command(study)}
python -m analysis build --check                          # these bytes from these records
{next_time}```
""",
    )
