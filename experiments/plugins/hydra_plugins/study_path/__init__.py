"""A study from a file outside conf/: its folder joins the ones that Hydra searches."""
