"""Scripts: `python -m experiments.train` and its like; each says what it takes with `--help`."""
