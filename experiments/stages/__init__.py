"""Each stage reads inputs, calls pure code and writes an artifact; stages never import each other."""
