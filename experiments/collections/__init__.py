"""Reads collections (docstrings, folders in BEIR form) and makes of them what is trained and measured on."""
