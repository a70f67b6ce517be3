"""Everything heavy that a run imports, imported once: the server that worker processes are forked from does so.

A fresh interpreter spends 9 s of each run on these; a fork of one that has them starts in 0.4 s. Nothing here may use
CUDA, which no fork survives; the threads that importing starts (of pyarrow's and polars' memory) are idle, and a fork
does without them.
"""

from __future__ import annotations

import gc

import datasets  # noqa: F401
import faiss  # noqa: F401
import sentence_transformers  # noqa: F401

import experiments.command.job
import experiments.evaluation.mteb_task
import experiments.pipeline
import experiments.stages.train
import experiments.training.trainer  # noqa: F401

# What was imported never goes away: a collection in a worker would only copy its pages, one by one, to look at it.
gc.freeze()
