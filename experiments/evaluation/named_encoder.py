"""A student as mteb's encoder, under a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mteb
import numpy as np
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from sentence_transformers import SentenceTransformer
from tqdm import tqdm

from experiments.evaluation.passages import Encoded, Passages
from experiments.evaluation.quiet import quiet
from experiments.evaluation.reading import Cut, cut_of, prompted_lengths
from experiments.models.encoding import Role, encode_batches


class NamedEncoder(SentenceTransformerEncoderWrapper):  # type: ignore[misc]
    """A student under a name and revision of its own: mteb files results by them, and local models have none.

    `title` names the progress bar; None shows none. Passages are kept: several query sets over one corpus encode it
    once, and with `share_texts` a text that several collections hold is encoded once (see `Passages`). mteb hands over
    a large corpus in parts; `cuts` tells what was cut of each text set of the collection that was started last.
    `searched`: names of the tasks whose passages it has encoded, for whoever asks it to search.
    """

    def __init__(self, model: SentenceTransformer, *, key: str, share_texts: bool = False) -> None:
        with quiet():
            super().__init__(model)
        meta: Any = vars(self)["mteb_model_meta"]
        self.mteb_model_meta = meta.model_copy(update={"name": f"student/{key}", "revision": key})
        self.title: str | None = None
        self.passages = Passages(share_texts=share_texts)
        self.cuts: dict[Role, list[Cut]] = {"query": [], "document": []}
        self.searched: set[str] = set()

    def start_collection(self) -> None:
        """What is encoded from now on belongs to another collection."""
        self.passages.next_collection()
        self.cuts = {"query": [], "document": []}

    def encode(self, inputs: Any, *, prompt_type: Any = None, batch_size: int = 32, **_: Any) -> Any:
        """(n, d) float32; the prompts are the model's own "query" and "document", as mteb would choose them."""
        texts = [text for batch in inputs for text in batch["text"]]
        role: Role = "query" if prompt_type == mteb.types.PromptType.query else "document"
        if role == "query":
            encoded = self._encode(texts, role, batch_size)
        else:
            encoded = self.passages.encoded(texts, lambda new: self._encode(new, role, batch_size))
        self.cuts[role].append(cut_of(self.model, encoded.lengths, role))
        return encoded.vectors

    def _encode(self, texts: Sequence[str], role: Role, batch_size: int) -> Encoded:
        vectors = np.empty((len(texts), self.model.get_embedding_dimension()), dtype=np.float32)
        lengths = prompted_lengths(self.model, texts, role)
        label = f"{self.title}: {'queries' if role == 'query' else 'passages'}"
        with tqdm(total=len(texts), desc=label, unit="text", disable=self.title is None, leave=False) as bar:
            for positions, part in encode_batches(
                self.model, texts, role=role, batch_size=batch_size, name="the student", lengths=lengths
            ):
                vectors[positions] = part
                bar.update(len(positions))
        return Encoded(vectors, lengths)
