"""Speed beside that of PyTorch and of plain Flax: `python -m experiments.benchmark`."""
