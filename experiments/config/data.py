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


class LeakCheck(Value):
    """What is done about training data that nearly repeats what the run is measured on.

    Exact copies of evaluated queries always leave train; what else is found is counted in the record whatever it is.

    action: warn = say so; error = stop before anything is mined; remove = such training queries leave train.
    near: similarity from which two texts count (Jaccard, of their character 5-grams, of two passages' word 3-grams);
        None = exact copies only.
    of: what the action is about: queries = training queries, positives = relevant passages of training queries. Most
        collections share passages between train and test, so positives are only counted by default.
    """

    action: Literal["warn", "error", "remove"] = "warn"
    near: Annotated[float, Field(gt=0.0, le=1.0)] | None = 0.8
    of: Annotated[tuple[Literal["queries", "positives"], ...], Field(min_length=1)] = ("queries",)


Leak = Annotated[LeakCheck, Field(json_schema_extra={"neutral": LeakCheck().model_dump(mode="json")})]


class _Data(Value):
    split_seed: Seed = 0
    positives: Literal["all", "one"] = "one"
    mining_corpus: Literal["all", "train"] = "all"
    leak: Leak = LeakCheck()


class SplitSizes(Value):
    """How many queries a split gets that is made because a collection has none: a share below 1, or a count.

    Together they take at most half of the queries; where they ask for more, both shrink in proportion.
    """

    dev: Annotated[float, Field(gt=0.0, lt=1.0)] | Size = 0.1
    test: Annotated[float, Field(gt=0.0, lt=1.0)] | Size = 0.2


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
        intervals, too; else by what their documents show (collections/groups.py). auto: by document where some document
        names what it was cut from, else by query.
    split: sizes of the test and dev splits that are made of train (of test, where that is all there is) where the
        collection has none, by split_seed, in whole groups; None = none are made. `dev_queries` wins over its dev.
    ignore_identical_ids: queries are documents of the corpus under the same id (ArguAna), so a document with the
        query's id is not mined for it and is left out of its test ranking, as mteb leaves it out in its own task.
    """

    name: Annotated[str, Field(min_length=1)]
    train_queries: Count | None = None
    dev_queries: Size = 0
    heldout_queries: Size = 0
    group_by: Literal["query", "title", "document", "auto"] = "query"
    ignore_identical_ids: Annotated[bool, Field(json_schema_extra={"neutral": False})] = False
    split: Annotated[SplitSizes | None, Field(json_schema_extra={"neutral": None})] = None

    @property
    def of_hub(self) -> bool:
        """Whether its name leads to a hub, so that no path is needed."""
        return False


class JudgedData(CarvedData):
    """Documents, queries and judgments of these in files of their own.

    search_corpus: whether test queries are searched in all documents or in those judged in their split, whatever the
        score (squad).
    missing_documents: what judgments of documents or queries that the folder lacks are: an error, or dropped from
        training while measures still count the documents as not found.
    """

    search_corpus: Literal["all", "judged"] = "all"
    missing_documents: Annotated[Literal["error", "drop"], Field(json_schema_extra={"neutral": "error"})] = "error"


class BeirData(JudgedData):
    """A folder in BEIR form, by name under BEIR_HOME, or at `Execution.data_paths[name]`."""

    kind: Literal["beir"] = "beir"


class BeirHubData(JudgedData):
    """A collection in BEIR form on the Hugging Face hub, or a copy of its data set at `Execution.data_paths[name]`.

    hub: the data set's name; None = mteb/NAME. qrels: the data set that holds the judgments; None = the same one, or
    HUB-qrels where it has none. revision, qrels_revision: their commits; None = what the hub holds today, which the
    record names. subset: what the names of its configurations begin with (SUBSET-corpus); None = corpus, queries,
    default.
    """

    kind: Literal["beir_hub"] = "beir_hub"
    positives: Literal["all", "one"] = "all"
    hub: str | None = None
    revision: str | None = None
    qrels: str | None = None
    qrels_revision: str | None = None
    subset: str | None = None

    @property
    def of_hub(self) -> bool:
        """It always does; a path is a copy."""
        return True

    @property
    def repository(self) -> str:
        """The data set of documents and queries."""
        return self.hub if self.hub is not None else f"mteb/{self.name}"


class TrecData(JudgedData):
    """A folder of topics, a collection and judgments as TREC has them, at `Execution.data_paths[name]`."""

    kind: Literal["trec"] = "trec"
    positives: Literal["all", "one"] = "all"
    group_by: Literal["query", "title", "document", "auto"] = "auto"
    split: SplitSizes | None = SplitSizes()


class PairColumns(Value):
    """What the columns of a file of pairs are called; None = a common name where there is one, "none" = not read."""

    query: str | None = None
    positive: str | None = None
    negative: str | None = None
    query_id: str | None = None
    positive_id: str | None = None
    negative_id: str | None = None
    title: str | None = None
    group: str | None = None
    score: str | None = None


class PairsData(CarvedData):
    """Rows of a query and a passage that answers it: a file or folder at `Execution.data_paths[name]`, or of a hub.

    hub: the data set's name on the Hugging Face hub, with its revision (None = what the hub holds today) and subset.
    """

    kind: Literal["pairs"] = "pairs"
    positives: Literal["all", "one"] = "all"
    group_by: Literal["query", "title", "document", "auto"] = "auto"
    split: SplitSizes | None = SplitSizes()
    columns: PairColumns = PairColumns()
    hub: str | None = None
    revision: str | None = None
    subset: str | None = None

    @property
    def of_hub(self) -> bool:
        """Where a data set of the hub is named."""
        return self.hub is not None


DataConfig = Annotated[DocstringsData | BeirData | BeirHubData | PairsData | TrecData, Field(discriminator="kind")]
