"""results/<study>/README.md: what was declared, what was measured, what it cost, what it does not show."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figures.style import Figure
from analysis.load import Study
from analysis.missing import fill_command
from analysis.report.conditions import collection_section, cost_section, environment_section
from analysis.report.declared import declaration_section
from analysis.report.limits import limits
from analysis.report.setting import setting_section
from analysis.report.versions import versions_section
from analysis.tables.registry import study_tables, table_section
from experiments.entry import shell


def page(study: Study, figures: Sequence[Figure]) -> str:
    """The whole page as Markdown; equal text for equal records."""
    tables = list(study_tables(study).values())
    sections = [
        f"# {study.name}\n\n{study.plan.declaration.question}\n",
        versions_section(study),
        declaration_section(study),
        setting_section(study),
        *(table_section(table, study) for table in tables if not table.last),
        *([_figures(figures)] if figures else []),
        *(table_section(table, study) for table in tables if table.last),
        collection_section(study),
        environment_section(study),
        cost_section(study),
        _section("Limits", "".join(f"- {line}\n" for line in limits(study))),
        _commands(study),
    ]
    return "\n".join(section for section in sections if section)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _figures(figures: Sequence[Figure]) -> str:
    return _section(
        "Figures",
        "\n".join(f"![{figure.title}](figures/{figure.name}.svg)\n\n{figure.caption}\n" for figure in figures),
    )


def _commands(study: Study) -> str:
    name = study.name
    dry_run = study.plan.run_command("dry_run=true")
    where = "" if study.store is None else f" --records {shell([str(study.store)])}"
    planner = f"python -m analysis plan {name} --difference 0.01{where}"
    check = "python -m analysis build --check                          # these bytes from these records\n"
    check = check if study.store is None else ""
    next_time = f"{planner:<57} # how many seeds and queries next time\n" if study.plan.declaration.contrasts else ""
    return _section(
        "Commands",
        f"""```
{dry_run:<57} # the plan
{fill_command(study)}
{check}{next_time}```
""",
    )
