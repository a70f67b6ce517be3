"""How the runs of a sweep are started elsewhere: worker processes of this machine, SLURM, Ray."""
