"""Figures as SVG, equal bytes for equal records."""
