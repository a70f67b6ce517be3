"""Which documents become negatives: pure NumPy, arrays in, arrays out (experiments/README.md, Mining)."""
