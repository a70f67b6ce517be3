"""A small collection with duplicate documents and several positives."""

import numpy as np

from experiments.ir import Collection, Corpus, Qrels, Queries, Split

WORDS = ("matrix", "inverse", "sparse", "solve", "graph", "path", "node", "array", "mean", "sum", "sort", "axis")


def collection(*, documents: int = 60, queries: int = 12, seed: int = 0, minable_share: float = 1.0) -> Collection:
    draw = np.random.default_rng(seed)
    texts = [" ".join(draw.choice(WORDS, size=6)) for _ in range(documents)]
    texts[5] = texts[3] = texts[30]
    asked = tuple(" ".join(draw.choice(WORDS, size=3)) for _ in range(queries))
    qrels = Qrels.build(
        query=np.repeat(np.arange(queries), 2),
        document=np.stack([draw.choice(documents, size=2, replace=False) for _ in range(queries)]).ravel(),
        grade=np.ones(2 * queries),
    )
    return Collection(
        name="small",
        corpus=Corpus(ids=tuple(f"d{i}" for i in range(documents)), titles=("",) * documents, texts=tuple(texts)),
        splits={"train": Split(queries=Queries(tuple(f"q{i}" for i in range(queries)), asked), qrels=qrels)},
        minable=draw.random(documents) < minable_share,
        report={},
    )
