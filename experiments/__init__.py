"""Which hard negatives make a better retriever? The pipeline that mines, fine-tunes, evaluates and records."""
