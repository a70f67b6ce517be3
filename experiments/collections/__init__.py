"""Collections: docstrings, BEIR folders -> the nouns of ir."""
