"""A student as mteb's encoder, under a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mteb
import numpy as np
import numpy.typing as npt
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from sentence_transformers import SentenceTransformer
from tqdm import tqdm

from experiments.evaluation.quiet import quiet
from experiments.evaluation.reading import Cut, cut_of, prompted_lengths
from experiments.ir import hash_texts
from experiments.models.encoding import Role, encode_batches


class NamedEncoder(SentenceTransformerEncoderWrapper):  # type: ignore[misc]
    """A student under a name and revision of its own: mteb files results by them, and local models have none.

    `title` names the progress bar; None shows none. What was encoded of a corpus is kept by the hash of its texts, so
    that several query sets over one corpus encode it once. mteb hands over a large corpus in parts; `cuts` tells what
    was cut of each text set handed over since it was last emptied.
    """

    def __init__(self, model: SentenceTransformer, *, key: str) -> None:
        with quiet():
            super().__init__(model)
        meta: Any = vars(self)["mteb_model_meta"]
        self.mteb_model_meta = meta.model_copy(update={"name": f"student/{key}", "revision": key})
        self.title: str | None = None
        self.vectors: dict[str, tuple[npt.NDArray[np.float32], Cut]] = {}
        self.cuts: dict[Role, list[Cut]] = {"query": [], "document": []}

    def encode(self, inputs: Any, *, prompt_type: Any = None, batch_size: int = 32, **_: Any) -> Any:
        """(n, d) float32; the prompts are the model's own "query" and "document", as mteb would choose them."""
        texts = [text for batch in inputs for text in batch["text"]]
        if prompt_type == mteb.types.PromptType.query:
            vectors, cut = self._encode(texts, "query", batch_size)
            self.cuts["query"].append(cut)
            return vectors
        corpus = hash_texts(texts)
        if corpus not in self.vectors:
            self.vectors[corpus] = self._encode(texts, "document", batch_size)
        vectors, cut = self.vectors[corpus]
        self.cuts["document"].append(cut)
        return vectors

    def _encode(self, texts: Sequence[str], role: Role, batch_size: int) -> tuple[npt.NDArray[np.float32], Cut]:
        """Vectors in the order of `texts`, and how many of them were cut."""
        vectors = np.empty((len(texts), self.model.get_embedding_dimension()), dtype=np.float32)
        lengths = prompted_lengths(self.model, texts, role)
        label = f"{self.title}: {'queries' if role == 'query' else 'passages'}"
        with tqdm(total=len(texts), desc=label, unit="text", disable=self.title is None, leave=False) as bar:
            for positions, part in encode_batches(
                self.model, texts, role=role, batch_size=batch_size, name="the student", lengths=lengths
            ):
                vectors[positions] = part
                bar.update(len(positions))
        return vectors, cut_of(self.model, lengths, role)
