"""Hydra plugins. `hydra_plugins` is a namespace folder that Hydra finds on the import path."""
