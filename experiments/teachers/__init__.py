"""What ranks candidates: dense models, BM25, chance."""
