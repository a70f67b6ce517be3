"""Records to tables and figures. Reads committed records only; imports neither torch, hydra nor wandb."""
