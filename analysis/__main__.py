"""``python -m analysis``: build, plan, audit, simulate."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.entry import Parser, check_writable, guarded
from experiments.errors import UserError

if TYPE_CHECKING:
    from analysis.load import Study
    from analysis.pages import Pages


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, 1 where --check finds a difference, 2 for a user's mistake."""
    return guarded(lambda: _command(arguments))


def _command(arguments: Sequence[str] | None) -> int:
    parsed = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = parsed.command
    return command(parsed)


def _parser() -> Parser:
    parser = Parser(prog="python -m analysis", description="Records to tables, figures and pages.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="render tables, figures and the page of studies")
    build.add_argument("studies", nargs="*", metavar="STUDY", help="names; none = every study in the folder")
    _add_records(build)
    build.add_argument("--out", type=Path, help="write to OUT/STUDY (default: beside the study's plan)")
    build.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the files that differ")
    build.add_argument("--png", action="store_true", help="write each figure in pixels, too (200 dots per inch)")
    build.set_defaults(command=_build)
    plan = commands.add_parser("plan", help="how many seeds and queries separate two arms by a difference")
    plan.add_argument("study", metavar="STUDY")
    plan.add_argument("--difference", type=float, required=True, help="in nDCG@10, such as 0.01")
    plan.add_argument("--power", type=float, default=0.8)
    _add_records(plan)
    plan.set_defaults(command=_plan)
    audit = commands.add_parser("audit", help="methods x thresholds from records that stopped after mining")
    _add_records(audit)
    audit.add_argument("--out", type=Path, help="folder for audit.md, audit.csv and audit.svg (default: print only)")
    audit.set_defaults(command=_audit)
    simulate = commands.add_parser("simulate", help="coverage and family-wise error of the intervals")
    simulate.add_argument("--out", type=Path, default=Path("results/simulation"))
    simulate.add_argument("--repeats", type=int, default=5000)
    simulate.set_defaults(command=_simulate)
    return parser


def _add_records(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", type=Path, default=Path("results"), help="results folder or artifact store")


def _build(parsed: argparse.Namespace) -> int:
    from analysis.pages import Pages
    from analysis.sources import open_source

    source = open_source(parsed.records)
    names = parsed.studies or source.studies()
    if not names:
        raise UserError(
            f"{parsed.records} holds no study (no */plan.json): publish one with `python -m experiments.publish`"
        )
    pages = Pages(source)
    if not parsed.check:
        _write(pages, names, parsed)
        return 0
    differing = _differing(pages, names, parsed.out)
    for file in differing:
        print(f"differs from what the records give: {file}")
    if differing:
        print("run `python -m analysis build` and commit what it writes")
    return 1 if differing else 0


def _write(pages: Pages, names: Sequence[str], parsed: argparse.Namespace) -> None:
    from analysis.folders import write_files

    for name, rendered in pages.studies(names, png=parsed.png).items():
        folder = _folder(pages, name, parsed.out)
        check_writable("--out" if parsed.out else "--records", folder)
        write_files(folder, rendered.files)
        if parsed.studies:
            _print_tables(pages.load(name))
        print("\n".join([*rendered.missing, f"wrote {len(rendered.files)} files under {folder.as_posix()}"]))
    for path, content in {} if parsed.out else pages.others().items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def _print_tables(study: Study) -> None:
    from analysis.tables.blocks import block_markdown

    print("\n".join(block_markdown(study, block) for block in study.plan.blocks))


def _differing(pages: Pages, names: Sequence[str], out: Path | None) -> list[str]:
    """The files that are not what the records give."""
    from analysis.folders import differing_files, holds

    differing = []
    for name, rendered in pages.studies(names).items():
        folder = _folder(pages, name, out)
        differing += [(folder / file).as_posix() for file in differing_files(folder, rendered.files)]
    others = {} if out else pages.others()
    beside = pages.source.root.resolve().parent
    changed = [path for path, content in others.items() if not holds(path, content)]
    return differing + [path.name if path.parent == beside else path.as_posix() for path in changed]


def _folder(pages: Pages, name: str, out: Path | None) -> Path:
    """Where a study's files lie."""
    return pages.source.study_folder(name) if out is None else out / name


def _plan(parsed: argparse.Namespace) -> int:
    from analysis.load import load_study
    from analysis.planner import plan_text
    from analysis.sources import open_source

    study = load_study(open_source(parsed.records), parsed.study)
    print(plan_text(study, difference=parsed.difference, power=parsed.power), end="")
    return 0


def _audit(parsed: argparse.Namespace) -> int:
    from analysis.audit import audit_files
    from analysis.sources import open_source

    files = audit_files(open_source(parsed.records))
    print(files["audit.md"].decode(), end="")
    if parsed.out is not None:
        check_writable("--out", parsed.out)
        for name, content in files.items():
            (parsed.out / name).write_bytes(content)
    return 0


def _simulate(parsed: argparse.Namespace) -> int:
    from analysis.report.simulation import simulation_files

    if parsed.repeats < 1:
        raise UserError(f"--repeats {parsed.repeats}: should be at least 1, such as 5000")
    files = simulation_files(repeats=parsed.repeats)
    check_writable("--out", parsed.out)
    for name, content in files.items():
        (parsed.out / name).write_bytes(content)
    print(files["README.md"].decode(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
