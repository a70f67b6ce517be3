"""Models that turn texts into vectors: where weights come from, how they read a text, and how they are saved."""
