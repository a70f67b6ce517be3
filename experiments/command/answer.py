"""The answer at a command's end: its table, what the data decides, and where its page lies.

The one module of experiments that imports analysis.
"""

from __future__ import annotations

from pathlib import Path

from experiments.errors import UserError


def print_answer(store: Path, published: Path | None, study: str) -> None:
    """Print the tables of a study that has a plan in `store`, and write its page beside that plan.

    published: a folder of records that count as done beside the store's own. Prints why where there is no table, since
    the runs themselves have ended well.
    """
    from analysis.answer import answer_text
    from analysis.load import load_study
    from analysis.render import render_study, write_files
    from analysis.sources import open_source

    try:
        source = open_source(store, published=published)
        loaded = load_study(source, study)
        text = answer_text(loaded)
        if not text:
            return
        folder = source.study_folder(study)
        write_files(folder, render_study(loaded))
    except UserError as error:
        print(f"no table: {error}", flush=True)
        return
    print(f"\n{text}\npage: {(folder / 'README.md').as_posix()}", flush=True)
