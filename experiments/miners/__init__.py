"""Which documents become negatives: pure NumPy, arrays in, arrays out (DESIGN: Mining semantics, pinned)."""
