"""Launchers that start the runs of a sweep elsewhere and read what came of them from the store."""
