"""Which collection: what is read, what is set aside, what may be mined and shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from experiments.config.value import Count, Fraction, Seed, Size, Value


class SplitShares(Value):
    """Per split, the share of queries that come from groups with several members (docstrings)."""

    train: Fraction = 0.5
    dev: Fraction = 0.1
    test: Fraction = 0.1


class _Data(Value):
    split_seed: Seed = 0
    positives: Literal["all", "one"] = "one"
    mining_corpus: Literal["all", "train"] = "all"


class DocstringsData(_Data):
    """Docstrings of the pinned distributions: the first sentence is the query, the rest the passage."""

    kind: Literal["docstrings"] = "docstrings"
    passages: Count | Literal["all"] = 3000
    train_queries: Count = 480
    dev_queries: Size = 100
    test_queries: Count = 800
    multi_share: SplitShares = SplitShares()

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "docstrings"

    @property
    def ignore_identical_ids(self) -> bool:
        """No query is a document here."""
        return False


class CarvedData(_Data):
    """The user's own collection, from whatever reader: which queries are drawn and which are set aside from train.

    name: what run names, tables and tags call it.
    train_queries: how many `seed` draws from the train split; None = all.
    dev_queries: how many train queries are carved out as dev where the collection has no dev split; 0 = none.
    heldout_queries: train queries set aside by split_seed as additional test queries.
    group_by: what keeps near-copies on one side when dev or held-out queries are carved out of train: the query's
        text, its first positive's title (squad's article), or the document that its first positive was cut from
        (`"metadata": {"parent": ...}` in corpus.jsonl, else its id). By document, evaluated queries are grouped so for
        intervals, too; else by what their documents show (collections/groups.py).
    ignore_identical_ids: queries are documents of the corpus under the same id (ArguAna), so a document with the
        query's id is not mined for it and is left out of its test ranking, as mteb leaves it out in its own task.
    """

    name: Annotated[str, Field(min_length=1)]
    train_queries: Count | None = None
    dev_queries: Size = 0
    heldout_queries: Size = 0
    group_by: Literal["query", "title", "document"] = "query"
    ignore_identical_ids: Annotated[bool, Field(json_schema_extra={"neutral": False})] = False


class BeirData(CarvedData):
    """A folder in BEIR form, by name under BEIR_HOME, or at `Execution.data_paths[name]`.

    search_corpus: whether test queries are searched in all documents or in those judged in their split, whatever the
        score (squad).
    missing_documents: what judgments of documents or queries that the folder lacks are: an error, or dropped from
        training while measures still count the documents as not found.
    """

    kind: Literal["beir"] = "beir"
    search_corpus: Literal["all", "judged"] = "all"
    missing_documents: Annotated[Literal["error", "drop"], Field(json_schema_extra={"neutral": "error"})] = "error"


DataConfig = Annotated[DocstringsData | BeirData, Field(discriminator="kind")]
