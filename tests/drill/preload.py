"""Imported once by the server that drivers are forked from: a fresh interpreter would take longer than the sweep."""

from __future__ import annotations

import gc

import experiments.command.answer
import experiments.command.job
import experiments.evaluation.mteb_task
import experiments.evaluation.named_encoder
import experiments.pipeline
import experiments.stages.train
import experiments.studies.sweep
import experiments.training.trainer  # noqa: F401
from experiments.command.compose import Composer
from experiments.models.static import StaticReader  # noqa: F401

Composer()  # finds Hydra's plugins, which takes seconds
# What is loaded here is never freed: the collections of every run need not look at it again.
gc.collect()
gc.freeze()
