"""Trains a student with sentence-transformers' Trainer: full batches, nothing printed or fetched, no files left."""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from tqdm import tqdm
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from experiments.config import Precision, Training
from experiments.environ import environment
from experiments.errors import UserError
from experiments.files import storage_failure, write_json
from experiments.ir import Positions
from experiments.models.device import check_training_device, is_cuda
from experiments.models.heap import keep_freed_memory
from experiments.models.reading import backbone_of
from experiments.training.batches import PureBatches
from experiments.training.checkpoints import Checkpoints
from experiments.training.collator import RowCollator
from experiments.training.mask_log import MaskLog
from experiments.training.watch import Watch
from experiments.training.weights import load_weights, save_weights

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from torch import nn

log = logging.getLogger("experiments")
OnLog = Callable[[int, dict[str, float]], None]
TOLD = "told.json"
MIXED_PRECISION = "ACCELERATE_MIXED_PRECISION"
NOISY = ("transformers", "sentence_transformers", "accelerate", "datasets")


def fit(
    model: SentenceTransformer,
    loss: nn.Module,
    rows: Dataset,
    *,
    train: Training,
    part: Positions | None = None,
    seed: int,
    device: str,
    title: str | None,
    on_log: OnLog,
    watch: Watch | None = None,
    workers: int = 0,
    masked: MaskLog | None = None,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Train `model` in place for `train.steps` optimizer steps; `title` names the progress bar, None shows none.

    The seed fixes the order of rows and the dropout draws. part: (R,) a number for each row, where a batch has rows of
    one number alone. `watch` measures the model on its way, which changes nothing of it. On a GPU `workers` processes
    tokenise batches ahead. masked: what the loss keeps of its masks. checkpoints: where it goes on from when it was
    stopped, to the same weights as if it never had been, after telling again what was told; None = nowhere.
    Raises UserError when the loss stops being a number, and what `on_log` raises.
    """
    if not is_cuda(device):
        keep_freed_memory()
    with (
        tempfile.TemporaryDirectory() as scratch,
        quiet(),
        checkpointed(model, on=train.gradient_checkpointing),
        mixed_precision(train.precision),
    ):
        arguments = _arguments(train, seed=seed, device=device, workers=workers, scratch=scratch)
        if part is not None:
            batches = PureBatches(part, steps=train.steps, batch_size=train.batch_size, seed=seed)
            arguments.batch_sampler = lambda *_, **__: batches
        trainer = _Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            loss=loss,
            data_collator=RowCollator(model),
        )
        trainer.report = _Report(train.steps, title, on_log, watch)
        trainer.add_callback(trainer.report)
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train(resume_from_checkpoint=trainer.resume(checkpoints, masked))
        finally:
            trainer.accelerator.free_memory()


class _Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
    report: _Report
    checkpoints: Checkpoints | None = None
    masked: MaskLog | None = None

    def resume(self, checkpoints: Checkpoints | None, masked: MaskLog | None) -> str | None:
        """Keep checkpoints from now on; the one to go on from, after what was told before it was told again."""
        self.checkpoints, self.masked = checkpoints, masked
        if checkpoints is None:
            return None
        self.add_callback(_Saver(checkpoints))
        found = checkpoints.newest()
        if found is None:
            return None
        folder, step = found
        log.info("training goes on from step %d of %d", step, self.args.max_steps)
        if masked is not None:
            masked.load(folder)
        self.report.tell_again(folder)
        return str(folder)

    def _get_output_dir(self, trial: Any) -> str:
        return super()._get_output_dir(trial) if self.checkpoints is None else str(self.checkpoints.folder)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """A checkpoint that counts once it is whole. A disk that takes none ends them, not the training."""
        assert self.checkpoints is not None
        folder = self.checkpoints.folder / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            if self.masked is not None:
                self.masked.save(folder)
            self.report.keep(folder)
            self.checkpoints.seal(folder, self.state.global_step)
        # Whatever writes it has an exception of its own for a full disk.
        except Exception as error:
            if storage_failure(error, self.checkpoints.folder) is None:
                raise
            self.checkpoints.give_up()
            log.warning("no room for a checkpoint of the training (%s): it goes on without", error)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.model, folder)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        load_weights(self.model, Path(checkpoint_path))

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """No card: making one asks the hub."""


class _Saver(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint when one is due; none after the last step, which the model is saved after."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        """After every optimizer step."""
        if self.checkpoints.due and state.global_step < state.max_steps:
            control.should_save = True


class _Report(TrainerCallback):  # type: ignore[misc]
    """Loss and learning rate of every step to `on_log` and to a bar that says what is trained."""

    def __init__(self, steps: int, title: str | None, on_log: OnLog, watch: Watch | None) -> None:
        self.on_each = on_log
        self.watch = watch
        self.told: list[tuple[int, dict[str, float]]] = []
        self.bar = tqdm(total=steps, desc=title, unit="step", disable=title is None, leave=False)

    def on_log(
        self, args: Any, state: Any, _control: Any, logs: dict[str, float] | None = None, model: Any = None, **_: Any
    ) -> None:
        """A step's values; the closing summary has no loss."""
        if logs is None or "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise UserError(
                f"the loss is {logs['loss']} at step {state.global_step}: "
                f"lower train.learning_rate, which is {args.learning_rate}"
            )
        self.bar.update(state.global_step - self.bar.n)
        self.bar.set_postfix(loss=f"{logs['loss']:.3f}")
        values = {name: float(logs[name]) for name in ("loss", "learning_rate")}
        if self.watch is not None and self.watch.at(state.global_step, steps=state.max_steps):
            values |= self.watch.measured(model)
        self._tell(state.global_step, values)

    def _tell(self, step: int, values: dict[str, float]) -> None:
        self.told.append((step, values))
        self.on_each(step, values)

    def keep(self, folder: Path) -> None:
        """Write what was told so far."""
        write_json(folder / TOLD, self.told)

    def tell_again(self, folder: Path) -> None:
        """Tell what `keep` wrote."""
        for step, values in json.loads((folder / TOLD).read_text(encoding="utf-8")):
            self._tell(step, values)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Leave the terminal as it was."""
        self.bar.close()


def _arguments(
    train: Training, *, seed: int, device: str, workers: int, scratch: str
) -> SentenceTransformerTrainingArguments:
    check_training_device(device)
    # Only a forked worker can be handed a model that lies on a GPU.
    forked = workers if is_cuda(device) and multiprocessing.get_start_method() == "fork" else 0
    arguments = SentenceTransformerTrainingArguments(
        output_dir=scratch,
        max_steps=train.steps,
        per_device_train_batch_size=train.batch_size,
        dataloader_drop_last=True,
        dataloader_pin_memory=device != "cpu",
        dataloader_num_workers=forked,
        learning_rate=train.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=train.warmup_steps,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=train.precision == "bf16",
        use_cpu=device == "cpu",
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
    )
    if device != "cpu":
        _one_gpu(arguments)
    return arguments


def _one_gpu(arguments: SentenceTransformerTrainingArguments) -> None:
    """The library spreads a batch over every GPU it sees, which would change the in-batch negatives' forward."""
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1


def mixed_precision(precision: Precision) -> AbstractContextManager[None]:
    """Mixed precision of accelerate as the config says, whatever ACCELERATE_MIXED_PRECISION says outside."""
    return environment({MIXED_PRECISION: "bf16" if precision == "bf16" else "no"})


@contextmanager
def checkpointed(model: SentenceTransformer, *, on: bool) -> Iterator[None]:
    """Layers computed again in the backward pass, with the same dropout draws. Raises UserError where none can be."""
    if not on:
        yield
        return
    backbone = backbone_of(model, what="train.gradient_checkpointing=true")
    if not backbone.supports_gradient_checkpointing:
        raise UserError(f"train.gradient_checkpointing=true: {type(backbone).__name__} cannot do it: use false")
    backbone.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    try:
        yield
    finally:
        backbone.activation_checkpointing_disable()


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings of the libraries' training machinery kept back; errors still show."""
    loggers = [logging.getLogger(name) for name in NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
