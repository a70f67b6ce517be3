"""Mined rows and trained students in the forms that other software reads."""
