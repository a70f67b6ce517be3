"""The rendered page of a study."""
