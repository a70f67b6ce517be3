"""The figures that the paper prints, as data: results/paper/*.yaml."""
