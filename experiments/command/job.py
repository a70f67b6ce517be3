"""One run as Hydra's launchers start it: from its config to a record or a failure note, told in two lines."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from experiments.command.build import Composed
from experiments.command.cards import take_card
from experiments.command.compose import from_hydra
from experiments.command.requeue import is_requeued
from experiments.errors import UserError, one_line
from experiments.records.facts import TaskScores
from experiments.records.folder import UNFINISHED, find_record, write_failure
from experiments.records.held import hold_run
from experiments.records.mining import MiningFacts
from experiments.records.schema import RunRecord

log = logging.getLogger("experiments")


@dataclass(frozen=True)
class RunResult:
    """How a run ended: its record, or a one-line cause. usage: the cause is the user's to mend."""

    run_id: str
    record: RunRecord | None
    cause: str = ""
    usage: bool = False
    log: str = ""


def execute(config: DictConfig) -> RunResult:
    """Run one composed config. Never raises for a failed run: the failure is noted in the store."""
    output = Path(HydraConfig.get().runtime.output_dir)
    run = from_hydra(config, output=output)
    log_file = str(output / f"{HydraConfig.get().job.name}.log")
    if run.prepare:
        return _prepare(run, log_file)
    print(header(run), flush=True)
    started = time.perf_counter()
    result = _attempt(run, log_file)
    if result.record is not None or run.position:  # a single run's cause is the command's error line
        print(result_line(result, time.perf_counter() - started), flush=True)
    return result


def _prepare(run: Composed, log_file: str) -> RunResult:
    """Make what the run shares with others. Where that fails, so do they, and each says why."""
    _ready(run)
    started = time.perf_counter()
    what = f"what runs share: {run.config.data.name}, {run.config.teacher.name}"
    try:
        from experiments import pipeline

        pipeline.prepare(run.config, run.execution)
    except Exception as error:
        cause = one_line(error)
        logging.getLogger("traceback").exception("what runs share was not made")
        print(f"{what}: not made ({cause})", flush=True)
        return RunResult(run.run_id, None, cause, log=log_file)
    print(f"{what}  ({time.perf_counter() - started:.0f} s)", flush=True)
    return RunResult(run.run_id, None)


def _ready(run: Composed) -> None:
    quiet_libraries()
    take_card(HydraConfig.get().launcher, device=run.execution.device)


def _attempt(run: Composed, log_file: str) -> RunResult:
    _ready(run)
    store = run.execution.store
    try:
        with hold_run(store, run.run_id, waiting=_say_waiting):
            if find_record(run.execution.record_roots, run.run_id) is None:
                write_failure(store, run.run_id, cause=UNFINISHED, log=log_file)
            from experiments import pipeline

            return RunResult(run.run_id, pipeline.run(run.config, run.execution))
    except UserError as error:
        log.info("stopped: %s", error)
        return _failed(run, " ".join(str(error).split()), log_file, usage=True)
    # The boundary between a run and the sweep: whatever it raises, the other runs go on and the cause is kept.
    except (Exception, SystemExit) as error:
        if is_requeued():
            raise
        logging.getLogger("traceback").exception("the run failed")
        cause = one_line(error)
        return _failed(run, cause, log_file, usage=False)


def _say_waiting() -> None:
    print("      another process is at this run: waiting for it", flush=True)


def _failed(run: Composed, cause: str, log_file: str, *, usage: bool) -> RunResult:
    write_failure(run.execution.store, run.run_id, cause=cause, log=log_file)
    return RunResult(run.run_id, None, cause, usage, log_file)


def header(run: Composed) -> str:
    """`[3/12] main / topk_percpos / seed 0  run 1a2b...`, or the run's choices where it has no place in a study."""
    config, labels = run.config, run.execution.labels
    place = f"[{run.position}] " if run.position else ""
    if labels.arm is not None:
        what = f"{labels.block} / {labels.arm} / seed {config.seed}"
    else:
        miner = config.miner.model_dump(exclude={"kind"})
        values = "".join(f" {name}={value}" for name, value in miner.items())
        trained = "untrained" if config.train.kind == "none" else f"{config.miner.kind}{values}"
        what = f"{config.data.name}, {config.teacher.name}, {trained}, {config.student.name}, seed {config.seed}"
    return f"{place}{what}  run {run.run_id}"


def result_line(result: RunResult, seconds: float) -> str:
    """Scores, known false negatives and time; or why there are none."""
    record = result.record
    if record is None:
        return f"      failed after {seconds:.0f} s: {result.cause}"
    parts = [f"{task} nDCG@10 {scores.measures['nDCG@10']:.4f}{_cut(scores)}" for task, scores in record.tasks.items()]
    if (facts := record.mining) is not None:
        parts.append(f"{facts.kept} of {facts.rows} rows{_treated(facts)}")
        if facts.mined:
            parts.append(f"{100 * facts.known_false / facts.mined:.1f}% known false")
    return f"      {', '.join(parts) or 'done'}  ({seconds:.0f} s)"


def _treated(facts: MiningFacts) -> str:
    """` (9 dropped for known false negatives, 3 more without a scored positive)`; nothing where nothing is to tell."""
    told = {
        "dropped for known false negatives": facts.dropped_rows,
        "of relabelled positives": facts.relabelled,
        "more without a scored positive": facts.no_anchor or None,
    }
    parts = [f"{count} {what}" for what, count in told.items() if count is not None]
    return f" ({', '.join(parts)})" if parts else ""


def _cut(scores: TaskScores) -> str:
    """` at 64/64 tokens (0%/31% of queries/passages cut)`; nothing for a record that does not tell."""
    if scores.cut_queries is None or scores.cut_passages is None:
        return ""
    lengths = "/".join(
        "any" if length is None else str(length) for length in (scores.query_length, scores.passage_length)
    )
    return f" at {lengths} tokens ({scores.cut_queries:.0%}/{scores.cut_passages:.0%} of queries/passages cut)"


def quiet_libraries() -> None:
    """Warnings go into the log; libraries keep their own chatter off the screen."""
    logging.captureWarnings(True)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
