"""The paper's claims against what was run here: results/claims."""
