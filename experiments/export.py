"""`python -m experiments.export RUN --format NAME | --student`: take mined rows, or the trained student, away.

Formats: triplet, n-tuple, labeled-pair and labeled-list as sentence-transformers trains on them (a data set on disk, or
one file with --file), flagembedding, and beir, a folder that data=beir reads again. The rows come from the store, or
are mined anew from the run's record. --student writes a folder that SentenceTransformer(path) loads and that scores as
the run measured. Each export has a card (README.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.command.mistakes import did_you_mean
from experiments.config import RunConfig
from experiments.entry import Parser, beir_home, guarded, named_folders, shell
from experiments.errors import UserError
from experiments.execution import STORE, Execution
from experiments.exporting.card import dataset_card
from experiments.exporting.formats import FORMATS, check_options, write_format
from experiments.exporting.place import check_empty, named_run, new_folder, scores_of
from experiments.exporting.student_card import student_card, studies_of
from experiments.files import write_text
from experiments.miners.mine import Mined
from experiments.records.provenance import public
from experiments.records.schema import RunRecord
from experiments.stages.checkpoint import base_student, check_trains
from experiments.stages.finished import load_finished


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 2 for a mistake."""
    return guarded(lambda: _command(_parser().parse_args(argv)))


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments.export", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="a run's run_id, or the beginning of it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--format", metavar="NAME", help=", ".join(FORMATS))
    what.add_argument("--student", action="store_true", help="the trained student, for sentence-transformers")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder (default: under outputs/exports)")
    parser.add_argument("--file", choices=("jsonl", "parquet"), help="one plain file instead of a data set on disk")
    parser.add_argument("--scores", action="store_true", help="the teacher's scores as labels, for distillation")
    parser.add_argument("--store", type=Path, default=STORE, help="default: outputs/store")
    parser.add_argument("--results", type=Path, default=Path("results"), help="published records (results)")
    parser.add_argument(
        "--data-path", action="append", default=[], metavar="NAME=FOLDER", help="a collection; else under BEIR_HOME"
    )
    parser.add_argument(
        "--model-path", action="append", default=[], type=Path, metavar="FOLDER", help="a folder that the run names"
    )
    parser.add_argument("--threads", type=int, help="torch's threads (default: as the record's environment says)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _command(parsed: argparse.Namespace) -> int:
    _check(parsed)
    record = named_run(parsed.run, (parsed.store, parsed.results))
    out: Path = parsed.out or Path("outputs/exports") / f"{record.run_id[:8]}-{parsed.format or 'student'}"
    check_empty(out)
    execution = _execution(parsed, record)
    command = shell(public(["python", "-m", "experiments.export", *_arguments(parsed, record)]))
    notes = (_student if parsed.student else _rows)(record, out, parsed, execution, command)
    for note in notes:
        print(note)
    print(f"run {record.run_id}: {parsed.format or 'its student'} is in {out}, and its card in {out}/README.md")
    return 0


def _check(parsed: argparse.Namespace) -> None:
    if parsed.student:
        for option, given in (("--file", parsed.file), ("--scores", parsed.scores)):
            if given:
                raise UserError(f"{option}: --student writes a model: leave it out")
        return
    if parsed.format not in FORMATS:
        meant = did_you_mean(parsed.format, FORMATS)
        raise UserError(f"--format {parsed.format}: no such format{meant} (there are: {', '.join(FORMATS)})")
    check_options(parsed.format, file=parsed.file, scores=parsed.scores)


def _execution(parsed: argparse.Namespace, record: RunRecord) -> Execution:
    for folder in parsed.model_path:
        if not folder.is_dir():
            raise UserError(f"--model-path {folder}: no such folder: give the folder that holds the model")
    return Execution(
        store=parsed.store,
        results=parsed.results,
        device=parsed.device,
        threads=parsed.threads or int(record.environment.get("threads", 1)),
        beir_home=beir_home(),
        data_paths=named_folders(parsed.data_path),
        model_paths={folder.resolve().name: folder.resolve() for folder in parsed.model_path},
        progress=False,
    )


def _arguments(parsed: argparse.Namespace, record: RunRecord) -> list[str]:
    """What decides the export, without folders of this machine."""
    given = ["--student"] if parsed.student else ["--format", parsed.format]
    given += ["--file", parsed.file] if parsed.file else []
    return [record.run_id, *given, *(["--scores"] if parsed.scores else [])]


def _rows(
    record: RunRecord, out: Path, parsed: argparse.Namespace, execution: Execution, command: str
) -> tuple[str, ...]:
    from experiments import pipeline

    def mine_again(config: RunConfig) -> Mined:
        print(f"its mined rows are not in {parsed.store}: they are mined anew", flush=True)
        return pipeline.mine_again(config, execution=execution)

    title = f"run {record.run_id}"
    found = load_finished(record, execution=execution, title=title, mine_again=mine_again)
    base = base_student(found.config.student, execution.record_roots)
    with new_folder(out) as folder:
        written = write_format(folder, parsed.format, found, file=parsed.file, scores=parsed.scores, base=base)
        write_text(folder / "README.md", dataset_card(found, parsed.format, written, command=command))
    return written.notes


def _student(
    record: RunRecord, out: Path, parsed: argparse.Namespace, execution: Execution, command: str
) -> tuple[str, ...]:
    from experiments import pipeline
    from experiments.evaluation.reading import reading_of
    from experiments.exporting.student import write_student

    config = record.run_config()
    check_trains(config)
    found = pipeline.trained_student(record.run_id, execution=execution)
    with new_folder(out) as folder:
        saved = write_student(folder, found, reading=reading_of(config), execution=execution)
        studies = studies_of(record.run_id, results=parsed.results, store=parsed.store)
        scores = scores_of(record, (parsed.store, parsed.results))
        card = student_card(record, found.student, saved, scores=scores, studies=studies, command=command)
        write_text(folder / "README.md", card)
    return saved.notes


if __name__ == "__main__":
    sys.exit(main())
